"""Voice activity detection: when anyone speaks."""

from __future__ import annotations

from pipeline.options import VadOptions
from pipeline.segmentation.segmenter import Segmentation
from pipeline.types import Segment


def detect_speech(segmentation: Segmentation, options: VadOptions | None = None) -> tuple[Segment, ...]:
    """Stretches in which somebody speaks, in order, disjoint."""
    options = options or VadOptions()
    return segmentation.speech.segments(
        options.onset,
        options.offset,
        min_gap=options.min_silence,
        min_duration=options.min_speech,
        pad=options.pad,
    )
