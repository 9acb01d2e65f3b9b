"""What can be done with turns alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pipeline.types import Turn


def first_come(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Cut turns so that at most one runs at any time: whoever has the floor keeps it to the end of the turn."""
    kept: list[Turn] = []
    free_from = 0.0
    for turn in sorted(turns, key=lambda turn: (turn.start, turn.end)):
        start = max(turn.start, free_from)
        if turn.end > start:
            kept.append(replace(turn, start=start))
            free_from = turn.end
    return tuple(kept)
