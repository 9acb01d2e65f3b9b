"""`make bench-growth`: what an hour of audio costs, and what memory a recording takes, from ten minutes to ten hours.

Each length runs in a process of its own. The shortest runs before, between and after the others, and what is long is
compared with the short ones next to it: over an hour and more, a machine does not stay as fast as it was.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.composing import TEST_SPEECH, can_compose, conversation
from benchmarks.contestants import HANSARD
from benchmarks.facts import facts, section
from benchmarks.material import prepare
from benchmarks.meeting import Meeting
from benchmarks.options import Model, Results, TestSpeech
from benchmarks.race import run
from benchmarks.report import HOUR, MEGABYTE
from benchmarks.results import RESULTS, write_section
from benchmarks.scoring import Quality, score, typical
from pipeline.models import ModelStore

TITLE = "One recording, from minutes to hours: cost and memory"
LENGTHS = (600.0, 3600.0, 14_400.0, 35_900.0)
"""Seconds. A conversation ends with its last sentence, and ten hours are the limit unless it is raised."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one run took."""

    seconds: float
    """Of audio."""
    cpu: float
    """CPU seconds per hour of audio, and the same by the clock."""
    wall: float
    loaded: float
    """Megabytes: with the models loaded, and at most."""
    peak: float
    quality: Quality


def main(
    lengths: Annotated[list[float] | None, typer.Argument(help="Seconds; by default 600 3600 14400 35900.")] = None,
    threads: Annotated[int, typer.Option(min=1)] = 1,
    model: Model = "whisper-tiny.en",
    results: Results = RESULTS,
    test_speech: TestSpeech = TEST_SPEECH,
) -> None:
    """Transcribe conversations of growing length; print and keep cost, memory and errors of each."""
    if not can_compose(test_speech):
        sys.exit(f"there is no test speech to compose long recordings of in {test_speech} (HANSARD_TESTDATA)")
    short, *longer = sorted(lengths or LENGTHS)
    progress, runs = Console(stderr=True), list[Cost]()
    for seconds in alternating(short, longer):
        runs.append(measure(seconds, test_speech, model, threads, progress))
        progress.print(f"{_named(seconds)}: {runs[-1].cpu:.1f} CPU s an hour", highlight=False)
    told = facts(
        "bench-growth",
        "conversations of four composed of read speech, three in ten turns overlapping",
        f"threads: {threads}, recognizer: {model}",
    )
    body = section(TITLE, told, table(runs))
    Console().print(body, markup=False, highlight=False, soft_wrap=True)
    write_section(results, "bench-growth", body)


def alternating(short: float, longer: Sequence[float]) -> list[float]:
    """Each of the longer between two short ones."""
    return [short, *(seconds for long in longer for seconds in (long, short))]


def measure(seconds: float, test_speech: Path, model: str, threads: int, progress: Console) -> Cost:
    """Compose a conversation and transcribe it once, in a process of its own. Raises `ContestantFailed`."""
    store = ModelStore.from_environment()
    cache = store.cache.parent / "benchmarks"
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, progress.status(f"{_named(seconds)} of conversation"):
        recording = conversation(test_speech, seconds, cache / "composed")
        material = prepare(_named(seconds), [recording], Path(folder))
        meeting = Meeting(
            store=store, cache=cache, material=material, model=model, threads=threads, rounds=1, console=progress
        )
        return cost(meeting)


def cost(meeting: Meeting) -> Cost:
    """Run Hansard once."""
    material, response = meeting.material, run(HANSARD, Path(sys.executable), meeting.request(HANSARD))
    return Cost(
        seconds=material.seconds,
        cpu=response.cpu_seconds / material.seconds * HOUR,
        wall=response.wall_seconds / material.seconds * HOUR,
        loaded=response.loaded_bytes / MEGABYTE,
        peak=response.peak_bytes / MEGABYTE,
        quality=score(material.truths, response.answers),
    )


def table(runs: Sequence[Cost]) -> list[str]:
    """A row for each length, in Markdown; the runs in the order of `alternating`."""
    shorts, longer = runs[::2], runs[1::2]
    short = Cost(
        seconds=shorts[0].seconds,
        cpu=statistics.median(each.cpu for each in shorts),
        wall=statistics.median(each.wall for each in shorts),
        loaded=statistics.median(each.loaded for each in shorts),
        peak=max(each.peak for each in shorts),
        quality=typical([each.quality for each in shorts]),
    )
    rows = [(short, 1.0)]
    rows += [
        (each, each.cpu / statistics.mean([before.cpu, after.cpu]))
        for before, each, after in zip(shorts, longer, shorts[1:], strict=False)
    ]
    header = ["length", "CPU s / audio hour", "÷ shortest", "wall s / audio hour", "MB loaded", "MB more at most"]
    header += ["WER %", "cpWER %", "DER %", "speakers off"]
    return [
        f"| {' | '.join(header)} |",
        f"| --- |{' ---: |' * (len(header) - 1)}",
        *(f"| {' | '.join(_cells(each, ratio))} |" for each, ratio in rows),
    ]


def _cells(each: Cost, ratio: float) -> list[str]:
    rates = [each.quality.wer, each.quality.cpwer, each.quality.der]
    return [
        _named(each.seconds),
        f"{each.cpu:.1f}",
        f"{ratio:.2f}",
        f"{each.wall:.1f}",
        f"{each.loaded:.0f}",
        f"{each.peak - each.loaded:.0f}",
        *("–" if rate is None else f"{100 * rate:.1f}" for rate in rates),
        "–" if each.quality.speakers_off is None else f"{each.quality.speakers_off:.0f}",
    ]


def _named(seconds: float) -> str:
    return f"{seconds / HOUR:.1f} h" if seconds >= HOUR else f"{seconds / 60:.0f} min"


if __name__ == "__main__":
    typer.run(main)
