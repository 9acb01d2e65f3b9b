"""Where there is speech, and how much of it lies in a stretch of time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np

from pipeline.frames import merge_touching
from pipeline.types import Segment

_WORTH_TRIMMING = 0.02
# Seconds; less speech than this is a frame at the edge of a region, not the word.


class SpeechClock:
    """Counts seconds of speech: a clock that runs only while somebody speaks."""

    def __init__(self, speech: Sequence[Segment]) -> None:
        self._regions = merge_touching([segment for segment in speech if segment.duration > 0])
        self._edges = np.array([edge for region in self._regions for edge in (region.start, region.end)])
        spoken = np.diff(self._edges, prepend=0.0)
        spoken[::2] = 0.0
        self._elapsed = np.cumsum(spoken)

    def seconds(self, segment: Segment) -> float:
        """Seconds of speech inside a stretch."""
        if not len(self._edges):
            return 0.0
        start, end = np.interp([segment.start, segment.end], self._edges, self._elapsed)
        return float(max(0.0, end - start))

    def trimmed(self, segment: Segment) -> Segment:
        """Cut a stretch down to the speech region it shares most time with; as it is where it shares hardly any."""
        first = bisect_left(self._regions, segment.start, key=lambda region: region.end)
        last = bisect_right(self._regions, segment.end, key=lambda region: region.start)
        region = max(self._regions[first:last], key=segment.overlap, default=segment)
        if segment.overlap(region) < _WORTH_TRIMMING:
            return segment
        return Segment(max(segment.start, region.start), min(segment.end, region.end))
