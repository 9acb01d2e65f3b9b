"""Overlapped speech detection: when two or more speak at once."""

from __future__ import annotations

from pipeline.options import OverlapOptions
from pipeline.segmentation.segmenter import Segmentation
from pipeline.types import Segment


def detect_overlap(segmentation: Segmentation, options: OverlapOptions | None = None) -> tuple[Segment, ...]:
    """Stretches in which two or more speak at once, in order, disjoint."""
    options = options or OverlapOptions()
    return segmentation.overlap.segments(
        options.onset, options.offset, min_gap=options.min_gap, min_duration=options.min_duration
    )
