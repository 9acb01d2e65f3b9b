"""How far a job is, as one number, from how far its stages are."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SPANS: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        # Where a stage begins and ends if one comes after the other: shares of the time that a job takes on a CPU, as
        # measured on a meeting of four.
        "fetch": (0.0, 0.03),
        "decode": (0.03, 0.05),
        "segmentation": (0.05, 0.30),
        "embedding": (0.30, 0.50),
        "clustering": (0.50, 0.52),
        "relabelling": (0.52, 0.60),
        "asr": (0.60, 0.87),
        "alignment": (0.87, 0.97),
        "publish": (0.97, 1.0),
    }
)


SIDES: Final = (("embedding", "clustering", "relabelling"), ("asr", "alignment"))
"""Stages of the parts that may be at work at the same time: voices, words."""


class Progress:
    """How far one job is. Never goes back."""

    def __init__(self) -> None:
        self._sides = [0.0 for _ in SIDES]
        self._rest = 0.0

    def report(self, stage: str, done: float, total: float) -> float:
        """Note that `done` of `total` of a stage are done; gives the share of the whole job, 0..1.

        What comes after both parts has their shares behind it.
        """
        position = _position(stage, done, total)
        side = side_of(stage)
        if side is None:
            self._rest = max(self._rest, position)
        else:
            self._sides[side] = max(self._sides[side], position - SPANS[SIDES[side][0]][0])
        after = SPANS[SIDES[-1][-1]][1]
        return self._rest if self._rest >= after else min(after, self._rest + sum(self._sides))


def side_of(stage: str) -> int | None:
    """Number of the part that a stage belongs to; None where it comes before or after both."""
    return next((number for number, stages in enumerate(SIDES) if stage in stages), None)


def _position(stage: str, done: float, total: float) -> float:
    start, end = SPANS[stage]
    share = min(max(done / total, 0.0), 1.0) if total > 0 else 0.0
    return start + share * (end - start)
