"""What a reader of a result has to know: when, by which command, where, on what."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.machine import machine, revision


def facts(bench: str, material: str, set_up: str) -> dict[str, str]:
    """The lines above a table, by what they tell; `bench` is the command, `bench-file`."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"`{command(bench, sys.argv[1:])}`",
        "machine": machine(),
        "material": material,
        "set-up": f"{set_up}, commit: {revision() or 'unknown'}",
    }


def command(bench: str, arguments: list[str]) -> str:
    """What to type to get this again, without the folders of this machine."""
    given = arguments[1:] if arguments[:1] == [bench.removeprefix("bench-")] else arguments
    plain = shlex.join(Path(argument).name if "/" in argument else argument for argument in given)
    return f"make {bench}{f' BENCH_ARGS={shlex.quote(plain)}' if plain else ''}"


def section(title: str, told: dict[str, str], lines: list[str]) -> str:
    """A section of the results file: heading, facts, then what was found."""
    return "\n".join([f"## {title}", "", *(f"- {name}: {fact}" for name, fact in told.items()), "", *lines])
