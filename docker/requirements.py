# ruff: noqa: INP001 - a script, of no package
"""Print what the named extras of a pyproject.toml need, one requirement a line, without the project itself.

An image installs this before the code, so that a change of code leaves the large layer below it as it is:

    python requirements.py pyproject.toml pipeline service
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


def requirements(project: dict[str, Any], extras: Sequence[str]) -> list[str]:
    """Requirements of the project and of some of its extras, sorted; an extra that names others brings theirs.

    Raises:
        KeyError: there is no such extra.
    """
    found = set(project.get("dependencies", ()))
    for extra in extras:
        found.update(_of_extra(project, extra))
    return sorted(found)


def _of_extra(project: dict[str, Any], extra: str) -> Iterator[str]:
    for requirement in project["optional-dependencies"][extra]:
        own = re.fullmatch(rf"{re.escape(project['name'])}\[([^\]]+)\]", requirement)
        if own is None:
            yield requirement
        else:
            for name in own.group(1).split(","):
                yield from _of_extra(project, name.strip())


def main(arguments: Sequence[str]) -> None:
    """Read `PYPROJECT EXTRA...` and print."""
    file, *extras = arguments
    project = tomllib.loads(Path(file).read_text(encoding="utf-8"))["project"]
    sys.stdout.write("".join(f"{line}\n" for line in requirements(project, extras)))


if __name__ == "__main__":
    main(sys.argv[1:])
