"""How well detected changes of speaker agree with turns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pipeline.types import Segment, Turn

TOLERANCE = 0.5
"""Seconds by which a change may lie outside the pause or the overlap between two turns."""


def changes_of(turns: Sequence[Turn]) -> list[Segment]:
    """Stretches in which the floor passes from one speaker to another: the pause or the overlap between two turns."""
    return [
        Segment(min(before.end, after.start), max(before.end, after.start))
        for before, after in pairwise(sorted(turns, key=lambda turn: turn.start))
        if before.speaker != after.speaker
    ]


def change_f1(times: Sequence[float], turns: Sequence[Turn]) -> float:
    """Harmonic mean of precision and recall; a true change is found at most once."""
    missing = changes_of(turns)
    total, found = len(missing), 0
    for time in times:
        near = [change for change in missing if change.start - TOLERANCE <= time <= change.end + TOLERANCE]
        if near:
            missing.remove(near[0])
            found += 1
    return 2 * found / (total + len(times))
