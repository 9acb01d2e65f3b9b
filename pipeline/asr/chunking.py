"""From speech regions to the chunks that are decoded: contiguous stretches of the recording, cut at pauses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from pipeline.frames import merge_touching
from pipeline.types import Segment

PAD = 0.2
"""Seconds of audio kept on both sides of a speech region: the onset of a word lies before its loud part."""
_CUT_ZONE = 0.4
# A chunk may end anywhere in its last 40 %: early enough to find a real pause, late enough to keep chunks long.
_CLEARLY_WIDER = 0.05
# Seconds by which an earlier pause must be wider to be preferred to a later one.


def cut_chunks(speech: Sequence[Segment], duration: float, limit: float) -> tuple[Segment, ...]:
    """Cut a recording of `duration` seconds into chunks of at most `limit` seconds.

    Chunks are in order, do not overlap and together hold all speech, padded. Silence between the regions of a chunk
    stays in it: speech glued together over a cut-out pause makes Whisper stop at the seam and lose what follows.
    """
    padded = merge_touching(
        [
            Segment(max(0.0, region.start - PAD), min(duration, region.end + PAD))
            for region in speech
            if region.duration > 0 and region.start < duration
        ]
    )
    regions = [part for region in padded for part in _split_evenly(region, limit)]
    chunks: list[Segment] = []
    first = 0
    while first < len(regions):
        last = _last_region(regions, first, limit)
        chunks.append(Segment(regions[first].start, regions[last].end))
        first = last + 1
    return tuple(chunks)


def _split_evenly(region: Segment, limit: float) -> list[Segment]:
    parts = max(1, math.ceil(region.duration / limit))
    edges = [region.start + region.duration * part / parts for part in range(parts)] + [region.end]
    return [Segment(start, end) for start, end in pairwise(edges)]


def _last_region(regions: Sequence[Segment], first: int, limit: float) -> int:
    """Index of the last region of the chunk that begins with region `first`."""
    start = regions[first].start
    fits = first
    while fits + 1 < len(regions) and regions[fits + 1].end - start <= limit:
        fits += 1
    if fits + 1 == len(regions):
        return fits
    best = fits
    for last in range(fits - 1, first - 1, -1):
        if regions[last].end - start < (1 - _CUT_ZONE) * limit:
            break
        if _pause_after(regions, last) > _pause_after(regions, best) + _CLEARLY_WIDER:
            best = last
    return best


def _pause_after(regions: Sequence[Segment], index: int) -> float:
    return regions[index + 1].start - regions[index].end
