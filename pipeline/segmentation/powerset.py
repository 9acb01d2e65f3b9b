"""Powerset classes: every combination of at most so many simultaneous speakers is one class.

Source: Plaquet and Bredin, "Powerset multi-class cross entropy loss for neural speaker diarization", Interspeech 2023.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from pipeline.types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Powerset:
    """`speakers` local speakers, at most `simultaneous` of them at once.

    Classes are ordered by size, then lexicographically: nobody, {0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2} for 3 and 2.
    """

    speakers: int = 3
    simultaneous: int = 2

    @cached_property
    def members(self) -> BoolArray:
        """Which speakers are active in which class, (classes, speakers)."""
        subsets = [c for size in range(self.simultaneous + 1) for c in combinations(range(self.speakers), size)]
        table = np.zeros((len(subsets), self.speakers), dtype=np.bool_)
        for row, subset in enumerate(subsets):
            table[row, list(subset)] = True
        return table

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.members)

    @cached_property
    def sizes(self) -> IntArray:
        """How many speakers are active in each class, (classes,)."""
        return np.asarray(self.members.sum(axis=1), dtype=np.int64)

    def hard(self, probabilities: FloatArray | NDArray[np.float16]) -> BoolArray:
        """Most likely class of each frame as activity: (..., classes) -> (..., speakers)."""
        return np.asarray(self.members[probabilities.argmax(axis=-1)])

    def soft(self, probabilities: FloatArray) -> FloatArray:
        """Marginal probability of each speaker: (..., classes) -> (..., speakers)."""
        return np.asarray(probabilities @ self.members.astype(np.float32), dtype=np.float32)
