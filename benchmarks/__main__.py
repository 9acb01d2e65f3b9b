"""`make bench-file`, `bench-fleet`, `bench-diarization`, `bench-asr`: `python -m benchmarks NAME [RECORDING…]`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.comparisons import COMPARISONS, Comparison, Name
from benchmarks.composing import TEST_SPEECH, calls, can_compose, conversation
from benchmarks.facts import facts
from benchmarks.material import Material, prepare
from benchmarks.meeting import Meeting, notes, versions
from benchmarks.options import Model, TestSpeech
from benchmarks.report import Report
from benchmarks.results import RESULTS, write_section
from pipeline.models import ModelStore

ENOUGH_ROUNDS = 3
"""With fewer, a median is none: the results file keeps what it has, unless it is named."""
WIDTH = 200
"""Columns of the table where no terminal sets its width."""

EDGES = "the truth of composed speech has edges found by energy: they alone cost 3–4 points of DER, and none of DER25"


def main(
    name: Annotated[Name, typer.Argument(help="What is compared.")],
    recordings: Annotated[
        list[Path] | None,
        typer.Argument(help="Recordings with rttm and stm beside them; else test speech, or samples."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="The contestants take turns in each.")] = ENOUGH_ROUNDS,
    threads: Annotated[int, typer.Option(min=1, help="For each contestant.")] = 1,
    model: Model = "whisper-tiny.en",
    seconds: Annotated[float, typer.Option(help="Length of the conversation that is composed.")] = 600.0,
    number: Annotated[int, typer.Option("--calls", min=1, help="How many calls are composed.")] = 40,
    only: Annotated[list[str] | None, typer.Option(help="Run only whose name contains this.")] = None,
    without: Annotated[list[str] | None, typer.Option(help="Run all but those whose name contains this.")] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Run also who is left out by default.")] = False,  # noqa: FBT002
    results: Annotated[Path | None, typer.Option(help="Default: benchmarks/RESULTS.md, from 3 rounds on.")] = None,
    test_speech: TestSpeech = TEST_SPEECH,
) -> None:
    """Race Hansard and its peers on the same audio, the same weights and as many threads; print ratios and errors."""
    console, progress = Console(width=None if sys.stdout.isatty() else WIDTH), Console(stderr=True)
    comparison, store = COMPARISONS[name], ModelStore.from_environment()
    cache = store.cache.parent / "benchmarks"
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        if recordings:
            material = prepare(_listed(recordings), recordings, Path(folder))
        elif can_compose(test_speech):
            with progress.status("composing"):
                material = compose(comparison, test_speech, Path(folder), cache, seconds=seconds, number=number)
        else:
            material = samples(comparison, store, Path(folder))
        meeting = Meeting(
            store=store,
            cache=cache,
            material=material,
            model=model,
            threads=threads,
            rounds=rounds,
            console=progress,
        )
        chosen = comparison.chosen(only or [], without or [], everyone=everyone)
        outcomes, absent = meeting.hold(chosen)
    if not outcomes:
        console.print("nobody finished", *absent, sep="\n", style="red", markup=False)
        raise typer.Exit(1)
    report = Report(
        name=f"bench-{name}",
        title=comparison.title,
        facts={
            **facts(
                f"bench-{name}",
                f"{material.title}: {material.seconds:.0f} s",
                f"rounds: {rounds}, threads: {threads}, recognizer: {model}",
            ),
            "versions": versions(outcomes),
        },
        seconds=material.seconds,
        outcomes=outcomes,
        remarks=(*material.remarks, *notes(outcomes), *absent),
    )
    tell(report, console)
    keep(report, results, rounds, console)


def compose(comparison: Comparison, half: Path, folder: Path, cache: Path, *, seconds: float, number: int) -> Material:
    """Conversations composed of test speech."""
    made = cache / "composed"
    remarks = [EDGES] if comparison.turns else []
    if comparison.calls:
        return prepare(f"{number} telephone calls composed of read speech", calls(half, number, made), folder, remarks)
    title = "a conversation of four composed of read speech, three in ten turns overlapping"
    return prepare(title, [conversation(half, seconds, made)], folder, remarks)


def samples(comparison: Comparison, store: ModelStore, folder: Path) -> Material:
    """Recordings of the catalog, for want of test speech."""
    remark = "no test speech was found (HANSARD_TESTDATA): short samples stand in, and nobody knows their words"
    return prepare(_listed(comparison.samples), [store.path(name) for name in comparison.samples], folder, [remark])


def tell(report: Report, console: Console) -> None:
    """Print a report."""
    for fact, value in report.facts.items():
        console.print(f"{fact}: {value}", markup=False, highlight=False)
    console.print(report.table())
    for remark in report.remarks:
        console.print(f"- {remark}", markup=False, highlight=False)


def keep(report: Report, named: Path | None, rounds: int, console: Console) -> None:
    """Put a report into the results file: the one that was named, or, with enough rounds, the repository's."""
    if named is None and rounds < ENOUGH_ROUNDS:
        console.print(f"not kept: fewer than {ENOUGH_ROUNDS} rounds, and no --results FILE")
        return
    path = named or RESULTS
    write_section(path, report.name, report.markdown())
    console.print(f"kept in {path}", markup=False, highlight=False)


def _listed(names: list[Path] | tuple[str, ...]) -> str:
    return ", ".join(Path(name).stem for name in names)


if __name__ == "__main__":
    typer.run(main)
