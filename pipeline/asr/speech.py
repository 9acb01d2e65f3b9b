"""Where there is speech, and how much of it lies in a stretch of time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.frames import merge_touching
from pipeline.types import Segment


class SpeechClock:
    """Counts seconds of speech: a clock that runs only while somebody speaks."""

    def __init__(self, speech: Sequence[Segment]) -> None:
        regions = merge_touching([segment for segment in speech if segment.duration > 0])
        self._edges = np.array([edge for region in regions for edge in (region.start, region.end)])
        spoken = np.diff(self._edges, prepend=0.0)
        spoken[::2] = 0.0
        self._elapsed = np.cumsum(spoken)

    def seconds(self, segment: Segment) -> float:
        """Seconds of speech inside a stretch."""
        if not len(self._edges):
            return 0.0
        start, end = np.interp([segment.start, segment.end], self._edges, self._elapsed)
        return float(max(0.0, end - start))
