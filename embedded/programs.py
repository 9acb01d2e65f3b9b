"""Where the programs are that packages bring along."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from pipeline.errors import MissingDependency


def program(distribution: str, name: str) -> Path:
    """The program `name` of an installed distribution. Nothing of the distribution is imported.

    Raises:
        MissingDependency: it is not installed, or brings no such program for this machine.
    """
    try:
        found = [file for file in files(distribution) or () if file.name == name]
    except PackageNotFoundError:
        message = f"{distribution} is not installed; install it with: pip install 'hansard[embedded]'"
        raise MissingDependency(message) from None
    for file in found:
        path = Path(str(file.locate())).resolve()
        if path.is_file():
            return path
    message = f"{distribution} brings no {name} for this machine; name a server of your own in the settings"
    raise MissingDependency(message)
