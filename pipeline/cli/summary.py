"""How a batch ended, in one line a recording and in one table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from pipeline.cli.batch import Outcome, Status

MINUTE, HOUR = 60, 3600


def sentence(outcome: Outcome) -> str:
    """`talk.wav: done, 30.0 s of audio in 4.2 s (7.1x), 2 speakers, 64 words`, and a line for each notice."""
    label = outcome.recording.label
    if outcome.status is Status.FAILED:
        return f"{label}: failed: {outcome.error}"
    if outcome.report is None:
        return f"{label}: {outcome.status}: its results are newer than the recording (--overwrite makes them again)"
    report = outcome.report
    parts = [f"done, {report.seconds:.1f} s of audio in {outcome.elapsed:.1f} s"]
    if outcome.speed is not None:
        parts[0] += f" ({outcome.speed:.1f}x)"
    if report.speakers is not None:
        parts.append(f"{report.speakers} {'speaker' if report.speakers == 1 else 'speakers'}")
    if report.words is not None:
        parts.append(f"{report.words} {'word' if report.words == 1 else 'words'}")
    return "\n".join([f"{label}: {', '.join(parts)}", *(f"  note: {notice}" for notice in report.notices)])


def summary_table(outcomes: Sequence[Outcome]) -> Table:
    """File, length of the audio, speakers, words, speed and status of each recording, and their sum."""
    table = Table(box=None, pad_edge=False, show_footer=True, header_style="bold", footer_style="bold")
    done = [outcome for outcome in outcomes if outcome.report]
    seconds = sum(outcome.report.seconds for outcome in done if outcome.report)
    elapsed = sum(outcome.elapsed for outcome in done)
    counts = [f"{sum(outcome.status is status for outcome in outcomes)} {status}" for status in Status]
    table.add_column("file", footer=f"{len(outcomes)} files", overflow="fold")
    table.add_column("audio", footer=clock(seconds), justify="right")
    table.add_column("speakers", justify="right")
    words = sum(outcome.report.words or 0 for outcome in done if outcome.report)
    table.add_column("words", footer=str(words), justify="right")
    table.add_column("speed", footer=f"{seconds / elapsed:.1f}x" if elapsed else "", justify="right")
    table.add_column("status", footer=", ".join(count for count in counts if not count.startswith("0 ")))
    for outcome in outcomes:
        table.add_row(*(Text(cell) for cell in _row(outcome)))
    return table


def clock(seconds: float) -> str:
    """`0:31`, `1:02:03`."""
    whole = round(seconds)
    hours, minutes = whole // HOUR, whole % HOUR // MINUTE
    tail = f"{whole % MINUTE:02d}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def _row(outcome: Outcome) -> tuple[str, ...]:
    report = outcome.report
    if report is None:
        return outcome.recording.label, "", "", "", "", str(outcome.status)
    return (
        outcome.recording.label,
        clock(report.seconds),
        "" if report.speakers is None else str(report.speakers),
        "" if report.words is None else str(report.words),
        "" if outcome.speed is None else f"{outcome.speed:.1f}x",
        str(outcome.status),
    )
