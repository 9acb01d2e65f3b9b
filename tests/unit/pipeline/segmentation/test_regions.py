"""Voice activity and overlapped speech, read off hand-made probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.options import OverlapOptions, VadOptions
from pipeline.segmentation.overlap import detect_overlap
from pipeline.segmentation.segmenter import FRAMES, WINDOW_FRAMES, Segmentation
from pipeline.segmentation.vad import detect_speech
from pipeline.types import Segment
from tests.unit.pipeline.conversation import of_windows, segment

TURNS = {0: [(1.0, 3.0), (3.1, 5.0)], 1: [(4.5, 6.0), (20.0, 24.0)], 2: [(22.0, 23.0)]}


def near(segments: tuple[Segment, ...]) -> list[tuple[float, float]]:
    """Bounds to a tenth of a second."""
    return [(round(segment.start, 1), round(segment.end, 1)) for segment in segments]


def wavering(*levels: float, overlap: bool = False) -> Segmentation:
    """Speech (or overlap) probability that changes every half second, (levels)."""
    window = np.zeros((WINDOW_FRAMES, 7), dtype=np.float32)
    frames = round(0.5 / FRAMES.step)
    for number, level in enumerate(levels):
        window[number * frames : (number + 1) * frames, 5 if overlap else 2] = level
    window[:, 0] = 1 - window.sum(axis=1)
    return of_windows([window])


def test_speech_is_where_anyone_speaks() -> None:
    assert near(detect_speech(segment(TURNS, 30.0), VadOptions(min_silence=0.16))) == [(1.0, 6.0), (20.0, 24.0)]


def test_short_pauses_split_only_where_asked() -> None:
    found = detect_speech(segment(TURNS, 30.0), VadOptions(min_silence=0.05))
    assert near(found) == [(1.0, 3.0), (3.1, 6.0), (20.0, 24.0)]


def test_speech_goes_on_down_to_the_offset() -> None:
    unsure = wavering(0.0, 0.4, 0.8, 0.4, 0.2, 0.4)
    (found,) = detect_speech(unsure, VadOptions(onset=0.5, offset=0.35))
    assert found.duration == pytest.approx(1.0, abs=0.05)
    (tight,) = detect_speech(unsure)
    assert tight.duration == pytest.approx(0.5, abs=0.05)
    (loose,) = detect_speech(unsure, VadOptions(onset=0.3, offset=0.3, min_silence=1.0))
    assert loose.duration == pytest.approx(2.5, abs=0.05)


def test_regions_are_padded_and_short_ones_dropped_where_asked() -> None:
    turns = {0: [(2.0, 2.2), (5.0, 8.0)]}
    found = detect_speech(segment(turns, 10.0), VadOptions(min_speech=0.5, pad=0.5))
    assert near(found) == [(4.5, 8.5)]


def test_overlap_is_where_two_speak() -> None:
    assert near(detect_overlap(segment(TURNS, 30.0))) == [(4.5, 5.0), (22.0, 23.0)]


def test_overlap_begins_where_it_is_likelier_than_not_and_goes_on_down_to_the_offset() -> None:
    unsure = wavering(0.0, 0.45, 0.55, 0.45, overlap=True)
    (found,) = detect_overlap(unsure)
    assert found.duration == pytest.approx(1.0, abs=0.05)
    (shorter,) = detect_overlap(unsure, OverlapOptions(onset=0.5, offset=0.5))
    assert shorter.duration == pytest.approx(0.5, abs=0.05)


def test_short_overlap_is_dropped_and_short_gaps_in_it_closed_where_asked() -> None:
    turns = {0: [(0.0, 9.0)], 1: [(1.0, 1.2), (4.0, 4.5), (4.6, 5.0)]}
    found = detect_overlap(segment(turns, 10.0), OverlapOptions(min_gap=0.2, min_duration=0.5))
    assert near(found) == [(4.0, 5.0)]


def test_silence_has_neither_speech_nor_overlap() -> None:
    silent = segment({}, 12.0)
    assert detect_speech(silent) == ()
    assert detect_overlap(silent) == ()
