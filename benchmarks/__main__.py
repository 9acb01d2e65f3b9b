"""`make bench`, `python -m benchmarks RECORDING… --rounds 3`: contestants in turn, then medians and ratios."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.contestants import CONTESTANTS, MODEL
from pipeline.models import ModelStore

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
REFERENCE = "faster-whisper batched"
HOUR = 3600

Result = dict[str, float]


def run_once(name: str, recording: Path) -> Result:
    """Race one contestant in a process of its own, on one thread."""
    command = [sys.executable, "-m", "benchmarks.contestants", name, str(recording)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | ONE_THREAD, check=False)  # noqa: S603
    if done.returncode:
        message = f"{name} failed on {recording}:\n{done.stderr}"
        raise RuntimeError(message)
    result: Result = json.loads(done.stdout.splitlines()[-1])
    return result


def table(recording: Path, rounds: dict[str, list[Result]]) -> Table:
    """Medians over the rounds; the ratio is to the reference, round by round."""
    seconds = rounds[REFERENCE][0]["audio_seconds"]
    shown = Table(title=f"{recording.name}, {seconds:.0f} s, one thread, {len(rounds[REFERENCE])} rounds, {MODEL}")
    for column in (
        "",
        "CPU s / audio hour",
        f"ratio to {REFERENCE}",
        "wall s / audio hour",
        "peak MB",
        "words or turns",
    ):
        shown.add_column(column, justify="left" if not column else "right", no_wrap=not column)
    for name, results in rounds.items():
        ratios = [
            mine["cpu_seconds"] / theirs["cpu_seconds"] for mine, theirs in zip(results, rounds[REFERENCE], strict=True)
        ]

        def median(key: str, results: list[Result] = results) -> float:
            return statistics.median(result[key] for result in results)

        shown.add_row(
            name,
            f"{median('cpu_seconds') / seconds * HOUR:.0f}",
            f"{statistics.median(ratios):.2f}",
            f"{median('wall_seconds') / seconds * HOUR:.0f}",
            f"{median('peak_megabytes'):.0f}",
            f"{median('words'):.0f}",
        )
    return shown


def main(
    recordings: Annotated[list[Path] | None, typer.Argument(help="Default: the 44 s sample of read speech.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; the contestants take turns in each.")] = 3,
) -> None:
    """Race everything that is installed on the same recordings, on one thread, and print medians and ratios."""
    console = Console()
    versions = ", ".join(f"{name} {version(name)}" for name in ("hansard", "faster-whisper", "ctranslate2", "torch"))
    console.print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}, {versions}")
    for recording in recordings or [ModelStore.from_environment().path("sample-two-cities")]:
        turns = [(number, name) for number in range(rounds) for name in CONTESTANTS]
        results: dict[str, list[Result]] = {name: [] for name in CONTESTANTS}
        for _, name in track(turns, description=recording.name, console=Console(stderr=True)):
            results[name].append(run_once(name, recording))
        console.print(table(recording, results))


if __name__ == "__main__":
    typer.run(main)
