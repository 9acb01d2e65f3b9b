from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.options import SpeakerChangeOptions
from pipeline.segmentation.segmenter import FRAMES
from pipeline.segmentation.speaker_change import change_scores, detect_changes
from tests.unit.pipeline.conversation import Turns, segment


def times(turns: Turns, duration: float = 20.0) -> list[float]:
    return [change.time for change in detect_changes(segment(turns, duration))]


def test_a_change_without_a_pause_is_at_the_boundary() -> None:
    """To the frame: none begins closer to it."""
    assert times({0: [(1.0, 9.0)], 1: [(9.0, 16.0)]}) == [pytest.approx(9.0, abs=FRAMES.step / 2 + 1e-6)]


def test_a_pause_does_not_hide_the_change() -> None:
    """The change lies in the pause, whose length says nothing about who speaks."""
    (found,) = times({0: [(1.0, 7.0)], 1: [(9.5, 16.0)]})
    assert 7.0 <= found <= 9.5


def test_one_speaker_who_pauses_does_not_change() -> None:
    assert times({0: [(1.0, 5.0), (6.0, 9.0), (9.2, 9.5), (12.0, 16.0)]}) == []


def test_the_floor_that_comes_back_changes_twice() -> None:
    found = times({0: [(1.0, 6.0), (10.0, 15.0)], 1: [(6.0, 10.0)]})
    assert found == [pytest.approx(6.0, abs=0.05), pytest.approx(10.0, abs=0.05)]


def test_the_edges_of_speech_are_no_changes() -> None:
    assert times({1: [(4.0, 12.0)]}) == []


def test_silence_and_an_empty_recording_have_no_changes() -> None:
    assert times({}) == []
    assert detect_changes(segment({}, 0.0)) == ()


def test_somebody_who_talks_over_another_changes_less_than_somebody_who_takes_over() -> None:
    joined = change_scores(segment({0: [(1.0, 15.0)], 1: [(8.0, 15.0)]}, 16.0)).values.max()
    taken = change_scores(segment({0: [(1.0, 8.0)], 1: [(8.0, 15.0)]}, 16.0)).values.max()
    assert taken > 0.95
    assert 0.2 < joined < 0.7


def test_only_scores_of_the_threshold_count() -> None:
    overlapped = segment({0: [(1.0, 15.0)], 1: [(8.0, 15.0)]}, 16.0)
    assert detect_changes(overlapped, SpeakerChangeOptions(threshold=0.9)) == ()
    assert len(detect_changes(overlapped, SpeakerChangeOptions(threshold=0.2))) == 1


def test_changes_keep_their_distance() -> None:
    """Of a quick exchange the clearest change is kept."""
    exchange = segment({0: [(1.0, 8.0), (8.4, 15.0)], 1: [(8.0, 8.4)]}, 16.0)
    close = detect_changes(exchange, SpeakerChangeOptions(threshold=0.3, min_distance=0.2))
    apart = detect_changes(exchange, SpeakerChangeOptions(threshold=0.3, min_distance=2.0))
    assert (len(close), len(apart)) == (2, 1)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0.2, 4), st.floats(0, 3)), max_size=6))
def test_scores_are_probabilities_and_changes_lie_in_the_recording(turns: list[tuple[int, float, float]]) -> None:
    now, spoken = 0.5, {voice: list[tuple[float, float]]() for voice in range(3)}
    for voice, length, pause in turns:
        spoken[voice].append((now, now + length))
        now += length + pause
    segmentation = segment(spoken, now + 1.0)
    scores = change_scores(segmentation).values
    assert scores.min() >= 0
    assert scores.max() <= 1
    found = [change.time for change in detect_changes(segmentation)]
    assert found == sorted(found)
    assert all(0 < time < now for time in found)
