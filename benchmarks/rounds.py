"""Rounds: the contestants take turns, and what is compared is compared round by round."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over the rounds."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Median, smallest and largest of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


def ratios(values: Sequence[float], reference: Sequence[float]) -> Spread:
    """Ratio to the reference, taken within each round, so that what slows a whole round down cancels.

    Raises `ValueError` where the numbers of rounds differ.
    """
    return spread([value / base for value, base in zip(values, reference, strict=True)])


def interleaved(contestants: Sequence[Item], rounds: int) -> list[Item]:
    """Whose turn it is: everyone once in each round; each round begins with another one."""
    return [
        contestants[(number + place) % len(contestants)]
        for number in range(rounds)
        for place in range(len(contestants))
    ]
