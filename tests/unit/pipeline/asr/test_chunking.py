from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.asr.chunking import PAD, cut_chunks
from pipeline.types import Segment

LIMIT = 28.0


@st.composite
def recordings(draw: st.DrawFn) -> tuple[list[Segment], float]:
    """Speech regions in order, not touching, and the length of the recording they are in."""
    edge = 0.0
    speech = []
    for gap, length in draw(st.lists(st.tuples(st.floats(0.16, 40), st.floats(0.02, 70)), max_size=40)):
        speech.append(Segment(edge + gap, edge + gap + length))
        edge += gap + length
    return speech, edge + draw(st.floats(0, 30))


@given(recordings())
def test_every_instant_of_speech_is_in_a_chunk(recording: tuple[list[Segment], float]) -> None:
    speech, duration = recording
    chunks = cut_chunks(speech, duration, LIMIT)
    for region in speech:
        assert sum(region.overlap(chunk) for chunk in chunks) == pytest.approx(region.duration, abs=1e-6)


@given(recordings())
def test_no_chunk_is_longer_than_the_limit_or_leaves_the_recording(recording: tuple[list[Segment], float]) -> None:
    speech, duration = recording
    for chunk in cut_chunks(speech, duration, LIMIT):
        assert 0 < chunk.duration <= LIMIT + 1e-6
        assert chunk.start >= 0
        assert chunk.end <= duration


@given(recordings())
def test_chunks_are_in_order_and_do_not_overlap(recording: tuple[list[Segment], float]) -> None:
    chunks = cut_chunks(*recording, LIMIT)
    assert all(before.end <= after.start for before, after in pairwise(chunks))


@given(recordings())
def test_chunks_begin_and_end_beside_speech(recording: tuple[list[Segment], float]) -> None:
    """Silence is carried inside a chunk, never at its edges."""
    speech, duration = recording
    for chunk in cut_chunks(speech, duration, LIMIT):
        assert any(region.start - PAD - 1e-9 <= chunk.start <= region.end + PAD for region in speech)
        assert any(region.start - PAD <= chunk.end <= region.end + PAD + 1e-9 for region in speech)


def test_regions_that_fit_together_stay_together_with_the_pause_between_them() -> None:
    assert cut_chunks([Segment(1, 5), Segment(7, 12)], 20.0, LIMIT) == (Segment(1 - PAD, 12 + PAD),)


def test_the_cut_falls_on_the_widest_pause_of_the_last_part() -> None:
    speech = [Segment(0, 10), Segment(11, 20), Segment(22, 25), Segment(25.5, 27), Segment(27.5, 40)]
    first, _ = cut_chunks(speech, 40.0, LIMIT)
    assert first.end == 20 + PAD


def test_a_wide_pause_early_on_does_not_cut() -> None:
    speech = [Segment(0, 5), Segment(10, 20), Segment(20.5, 26), Segment(27, 40)]
    first, _ = cut_chunks(speech, 40.0, LIMIT)
    assert first.end == 26 + PAD


def test_a_region_longer_than_the_limit_is_split_evenly() -> None:
    chunks = cut_chunks([Segment(0.2, 59.8)], 60.0, LIMIT)
    assert [chunk.duration for chunk in chunks] == pytest.approx([20.0, 20.0, 20.0])


def test_no_speech_gives_no_chunks() -> None:
    assert cut_chunks([], 60.0, LIMIT) == ()


def test_speech_after_the_end_of_the_recording_is_not_looked_for() -> None:
    assert cut_chunks([Segment(61, 62)], 60.0, LIMIT) == ()
