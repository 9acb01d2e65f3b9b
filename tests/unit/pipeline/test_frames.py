from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.frames import FrameGrid, FrameScores, hysteresis, merge_touching, runs
from pipeline.types import FloatArray, Segment

TENTHS = FrameGrid(step=0.1)
probabilities = st.lists(st.sampled_from([0.0, 0.2, 0.4, 0.5, 0.6, 0.8, 1.0]), max_size=60)


def scores(*values: float, duration: float = 100.0) -> FrameScores:
    return FrameScores(TENTHS, np.array(values, dtype=np.float32), duration)


def array(values: list[float]) -> FloatArray:
    return np.array(values, dtype=np.float32)


def rounded(segments: tuple[Segment, ...]) -> list[tuple[float, float]]:
    return [(round(segment.start, 6), round(segment.end, 6)) for segment in segments]


@given(st.integers(0, 10_000))
def test_the_start_of_a_frame_lies_in_that_frame(frame: int) -> None:
    grid = FrameGrid(step=270 / 16_000, offset=0.0225)
    assert grid.index(grid.edge(frame)) == frame


def test_instants_before_the_first_frame_have_negative_numbers() -> None:
    assert FrameGrid(step=0.1, offset=0.25).index(0.2) == -1


def test_no_frame_starts_before_the_recording() -> None:
    assert TENTHS.edge(-3) == 0.0


def test_activity_holds_between_the_two_thresholds() -> None:
    active = hysteresis(array([0.1, 0.6, 0.45, 0.55, 0.4, 0.3, 0.45, 0.9]), 0.5, 0.35)
    assert active.tolist() == [False, True, True, True, True, False, False, True]


def test_frames_before_the_first_decision_are_off() -> None:
    """Nothing began there: a score between the thresholds continues what was, and before the recording was nothing."""
    assert hysteresis(array([0.4, 0.45, 0.4, 0.6]), 0.5, 0.35).tolist() == [False, False, False, True]


def test_a_score_of_just_the_onset_does_not_begin_and_of_just_the_offset_does_not_end() -> None:
    assert hysteresis(array([0.5, 0.6, 0.35]), 0.5, 0.35).tolist() == [False, True, True]


@given(probabilities)
def test_hysteresis_is_what_a_loop_over_the_frames_gives(values: list[float]) -> None:
    state, expected = False, []
    for value in array(values):
        state = True if value > 0.5 else False if value < 0.4 else state
        expected.append(state)
    assert hysteresis(array(values), 0.5, 0.4).tolist() == expected


def test_no_frames_have_no_activity_and_no_runs() -> None:
    assert hysteresis(array([]), 0.5, 0.4).tolist() == []
    assert runs(np.zeros(0, dtype=np.bool_)).shape == (0, 2)


@given(st.lists(st.booleans(), max_size=60))
def test_runs_hold_every_active_frame_and_no_other(active: list[bool]) -> None:
    marked = np.zeros(len(active), dtype=np.bool_)
    spans = runs(np.array(active, dtype=np.bool_))
    for first, last in spans:
        assert first < last
        marked[first:last] = True
    assert marked.tolist() == active
    assert all(before[1] < after[0] for before, after in pairwise(spans))


def test_segments_are_the_stretches_above_the_threshold() -> None:
    assert rounded(scores(0, 1, 1, 0, 0, 1, 0).segments(0.5)) == [(0.1, 0.3), (0.5, 0.6)]


def test_times_are_plain_floats() -> None:
    """They travel into results, whose repr and JSON are for people."""
    (found,) = scores(0, 1, 1, 0).segments(0.5)
    assert (type(found.start), type(found.end)) == (float, float)


def test_gaps_are_closed_before_short_stretches_are_dropped() -> None:
    """Two halves of a word, each too short on its own, are kept together."""
    found = scores(0, 1, 0, 1, 0, 0, 0, 1, 0).segments(0.5, min_gap=0.15, min_duration=0.25)
    assert rounded(found) == [(0.1, 0.4)]


def test_short_stretches_are_dropped_before_padding() -> None:
    assert scores(0, 0, 0, 1, 0, 0, 0).segments(0.5, min_duration=0.15, pad=1.0) == ()


def test_padding_joins_stretches_that_it_makes_touch_and_stays_in_the_recording() -> None:
    assert scores(0, 1, 0, 0, 1, 0, duration=0.6).segments(0.5, pad=0.15) == (Segment(0.0, 0.6),)


def test_a_gap_of_just_the_shortest_length_stays_open() -> None:
    grid = FrameGrid(step=0.25)
    values = FrameScores(grid, array([1, 0, 1]), 10.0)
    assert values.segments(0.5, min_gap=0.25) == (Segment(0.0, 0.25), Segment(0.5, 0.75))
    assert values.segments(0.5, min_gap=0.26) == (Segment(0.0, 0.75),)


def test_frames_beyond_the_end_of_the_recording_give_nothing() -> None:
    assert scores(0, 1, 1, 0, 1, duration=0.25).segments(0.5) == (Segment(0.1, 0.25),)


@given(probabilities, st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 0.3), st.floats(0.1, 6))
def test_segments_are_in_order_disjoint_and_inside_the_recording(
    values: list[float], min_gap: float, min_duration: float, pad: float, duration: float
) -> None:
    found = scores(*values, duration=duration).segments(0.5, 0.4, min_gap=min_gap, min_duration=min_duration, pad=pad)
    assert all(0 <= segment.start < segment.end <= duration for segment in found)
    assert all(before.end < after.start for before, after in pairwise(found))


def test_segments_that_touch_or_overlap_are_one() -> None:
    pieces = [Segment(5, 6), Segment(0, 1), Segment(1, 2), Segment(1.5, 1.7), Segment(5.5, 8)]
    assert merge_touching(pieces) == (Segment(0, 2), Segment(5, 8))
