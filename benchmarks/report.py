"""Results as a table: on the console, and as a section of the results file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from benchmarks.contestants import Contestant
from benchmarks.protocol import Response
from benchmarks.rounds import ratios, spread
from benchmarks.scoring import Quality

HOUR = 3600
MEGABYTE = 2**20


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one contestant did, in every round."""

    contestant: Contestant
    responses: tuple[Response, ...]
    quality: Quality


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that a reader is told of one comparison."""

    name: str
    """Of the command, `bench-file`."""
    title: str
    facts: Mapping[str, str]
    """When, where, on what, by which command, with which versions."""
    seconds: float
    """Of audio."""
    outcomes: tuple[Outcome, ...]
    """In the order of the comparison; the first is what the others are compared with."""
    remarks: tuple[str, ...] = ()

    @property
    def header(self) -> list[str]:
        """Headings of the columns that anything is known for."""
        return ["", *(heading for heading, _ in self._columns())]

    @property
    def rows(self) -> list[list[str]]:
        """A row for each contestant."""
        columns = self._columns()
        return [[outcome.contestant.name, *(cell(outcome) for _, cell in columns)] for outcome in self.outcomes]

    def table(self) -> Table:
        """For the console."""
        shown = Table(title=self.title)
        for heading in self.header:
            shown.add_column(heading, justify="right" if heading else "left", no_wrap=not heading or "÷" in heading)
        for row in self.rows:
            shown.add_row(*row)
        return shown

    def markdown(self) -> str:
        """For the results file: heading, facts, table, remarks."""
        rule = ["---", *("---:" for _ in self.header[1:])]
        lines = [
            f"## {self.title}",
            "",
            *(f"- {name}: {fact}" for name, fact in self.facts.items()),
            "",
            *(f"| {' | '.join(cells)} |" for cells in (self.header, rule, *self.rows)),
            "",
            *(f"- {remark}" for remark in self.remarks),
        ]
        return "\n".join(lines).rstrip() + "\n"

    def _columns(self) -> list[tuple[str, Callable[[Outcome], str]]]:
        reference = self.outcomes[0]
        base = [response.cpu_seconds for response in reference.responses]

        def per_hour(pick: Callable[[Response], float]) -> Callable[[Outcome], str]:
            return lambda outcome: f"{spread(_each(outcome, pick)).median / self.seconds * HOUR:.1f}"

        def ratio(outcome: Outcome) -> str:
            return _ratio(outcome, base, itself=outcome is reference)

        columns: list[tuple[str, Callable[[Outcome], str]]] = [
            ("CPU s / audio hour", per_hour(lambda response: response.cpu_seconds)),
            (f"CPU ÷ {reference.contestant.name}", ratio),
            ("wall s / audio hour", per_hour(lambda response: response.wall_seconds)),
            ("peak MB", lambda outcome: f"{spread(_each(outcome, lambda r: r.peak_bytes)).median / MEGABYTE:.0f}"),
        ]
        known = [(heading, pick, write) for heading, pick, write in QUALITY if self._known(pick)]
        return columns + [(heading, _quality(pick, write)) for heading, pick, write in known]

    def _known(self, pick: Callable[[Quality], float | None]) -> bool:
        return any(pick(outcome.quality) is not None for outcome in self.outcomes)


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _plain(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.2f}"


QUALITY: tuple[tuple[str, Callable[[Quality], float | None], Callable[[float], str]], ...] = (
    ("WER %", lambda quality: quality.wer, _percent),
    ("inserted", lambda quality: quality.insertions, _plain),
    ("deleted", lambda quality: quality.deletions, _plain),
    ("cpWER %", lambda quality: quality.cpwer, _percent),
    ("DER %", lambda quality: quality.der, _percent),
    ("DER25 %", lambda quality: quality.der25, _percent),
    ("speakers off", lambda quality: quality.speakers_off, _plain),
)
"""Heading, figure, how it is written."""


def _quality(pick: Callable[[Quality], float | None], write: Callable[[float], str]) -> Callable[[Outcome], str]:
    def cell(outcome: Outcome) -> str:
        value = pick(outcome.quality)
        return "–" if value is None else write(value)

    return cell


def _each(outcome: Outcome, pick: Callable[[Response], float]) -> list[float]:
    return [pick(response) for response in outcome.responses]


def _ratio(outcome: Outcome, base: Sequence[float], *, itself: bool) -> str:
    if itself:
        return "1"
    found = ratios(_each(outcome, lambda response: response.cpu_seconds), base)
    if len(base) == 1:
        return f"{found.median:.2f}"
    return f"{found.median:.2f} ({found.low:.2f}–{found.high:.2f})"
