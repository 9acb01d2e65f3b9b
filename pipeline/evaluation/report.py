"""Scores of many recordings, as a table for people and JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.evaluation.scores import EvaluationOptions, Scores

Cell = float | int | None


def _percent(value: float) -> str:
    return f"{100 * value:.2f}"


def _milliseconds(value: float) -> str:
    return f"{1000 * value:.0f}"


def _plain(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.2f}"


COLUMNS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("DER", "der", _percent),
    ("miss", "miss", _percent),
    ("FA", "false_alarm", _percent),
    ("conf", "confusion", _percent),
    ("JER", "jer", _percent),
    ("spk", "speakers", _plain),
    ("found", "speakers_found", _plain),
    ("WER", "wer", _percent),
    ("cpWER", "cpwer", _percent),
    ("WDE", "wde", _percent),
    ("words", "words", _plain),
    ("start ms", "start_median", _milliseconds),
    ("p95", "start_p95", _milliseconds),
    ("end ms", "end_median", _milliseconds),
    ("p95", "end_p95", _milliseconds),
)
"""Heading, figure, how it is written. Columns that nothing is known for are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Scores of every recording that reference and hypothesis share."""

    rows: tuple[Scores, ...]
    options: EvaluationOptions
    without_hypothesis: tuple[str, ...] = ()
    """Recordings of the reference that were not scored: the hypothesis lacks them."""
    without_reference: tuple[str, ...] = ()
    """Recordings of the hypothesis that were not scored: the reference lacks them."""

    @property
    def total(self) -> Scores:
        """All recordings as one."""
        return Scores.total(self.rows)

    def table(self) -> str:
        """Plain text: rates in percent, word times in milliseconds, one line a recording and one for all."""
        scores = [*self.rows, self.total] if len(self.rows) > 1 else list(self.rows)
        figures = [item.figures() for item in scores]
        columns = [column for column in COLUMNS if any(row[column[1]] is not None for row in figures)]
        cells = [["recording", *(heading for heading, _, _ in columns)]]
        for item, row in zip(scores, figures, strict=True):
            cells.append([item.uri, *(_cell(row[name], write) for _, name, write in columns)])
        return "\n".join([*_aligned(cells), *self._remarks()]) + "\n"

    def plain(self) -> dict[str, Any]:
        """Return everything as plain values: rates as shares of 1, times in seconds."""
        return {
            "collar": self.options.collar,
            "skip_overlap": self.options.skip_overlap,
            "language": self.options.language,
            "recordings": {item.uri: item.figures() for item in self.rows},
            "total": self.total.figures(),
            "without_hypothesis": list(self.without_hypothesis),
            "without_reference": list(self.without_reference),
        }

    def json(self) -> str:
        """Return everything as JSON."""
        return json.dumps(self.plain(), indent=2, ensure_ascii=False) + "\n"

    def _remarks(self) -> list[str]:
        """What was not scored."""
        remarks = []
        if self.without_hypothesis:
            remarks.append(f"no hypothesis for: {', '.join(self.without_hypothesis)}")
        if self.without_reference:
            remarks.append(f"no reference for: {', '.join(self.without_reference)}")
        return remarks


def _cell(value: Cell, write: Callable[[float], str]) -> str:
    return "-" if value is None else write(value)


def _aligned(cells: list[list[str]]) -> list[str]:
    """Names to the left, figures to the right."""
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in cells
    ]
