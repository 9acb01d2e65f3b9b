"""Scores on a regular grid of frames, and the segments in which they are high."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.types import BoolArray, FloatArray, IntArray, Segment


@dataclass(frozen=True, slots=True)
class FrameGrid:
    """Frame i covers [offset + i * step, offset + (i + 1) * step), in seconds."""

    step: float
    offset: float = 0.0

    def index(self, seconds: float) -> int:
        """Frame in which an instant lies; may be negative or beyond the last frame."""
        return int(np.floor((seconds - self.offset) / self.step + 1e-9))

    def edge(self, frame: int) -> float:
        """Start of a frame, in seconds, never before 0."""
        # Frame numbers come out of numpy, and times leave as plain floats.
        return max(0.0, float(self.offset + frame * self.step))


@dataclass(frozen=True, slots=True, eq=False)
class FrameScores:
    """One score in [0, 1] a frame."""

    grid: FrameGrid
    values: FloatArray
    """(frames,)."""
    duration: float
    """Seconds of audio; segments end there at the latest."""

    def segments(
        self,
        onset: float,
        offset: float | None = None,
        *,
        min_gap: float = 0.0,
        min_duration: float = 0.0,
        pad: float = 0.0,
    ) -> tuple[Segment, ...]:
        """Stretches that begin where the score exceeds `onset` and end where it falls below `offset`.

        Gaps shorter than `min_gap` are closed first, then stretches shorter than `min_duration` dropped,
        then both sides padded by `pad`; stretches that padding makes touch are joined. All in seconds.
        """
        active = hysteresis(self.values, onset, onset if offset is None else offset)
        joined: list[Segment] = []
        for first, last in runs(active):
            start, end = self.grid.edge(first), min(self.grid.edge(last), self.duration)
            if joined and start - joined[-1].end < min_gap:
                joined[-1] = Segment(joined[-1].start, end)
            elif end > start:
                joined.append(Segment(start, end))
        kept = [segment for segment in joined if segment.duration >= min_duration]
        return merge_touching(
            [Segment(max(0.0, s.start - pad), min(self.duration, s.end + pad)) for s in kept],
        )


def hysteresis(values: FloatArray, onset: float, offset: float) -> BoolArray:
    """Mark frames from one that exceeds `onset` up to the next that falls below `offset`."""
    # A frame decides (on or off) or leaves things as they are; the last decision before a frame holds for it.
    decisive = (values > onset) | (values < offset)
    last = np.maximum.accumulate(np.where(decisive, np.arange(len(values)), -1))
    return np.asarray((last >= 0) & (values > onset)[last], dtype=np.bool_)


def runs(active: BoolArray) -> IntArray:
    """Give first and one-past-last frame of every run of True, (runs, 2)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], active, [False])).astype(np.int8)))
    return edges.reshape(-1, 2).astype(np.int64)


def merge_touching(segments: list[Segment]) -> tuple[Segment, ...]:
    """Join segments that touch or overlap; the result is in order."""
    merged: list[Segment] = []
    for segment in sorted(segments):
        if merged and segment.start <= merged[-1].end:
            merged[-1] = Segment(merged[-1].start, max(merged[-1].end, segment.end))
        else:
            merged.append(segment)
    return tuple(merged)
