from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pipeline.segmentation.segmenter import FRAMES, WINDOW_FRAMES
from pipeline.timeline import exclusive, select_speakers, smooth, speaker_scores, to_turns
from pipeline.types import BoolArray, FloatArray
from tests.unit.pipeline.conversation import Turns, frames_of, labels_of, of_windows, segment

LIVELY: Turns = {0: [(1.0, 6.0), (14.0, 19.0)], 1: [(5.0, 13.0), (24.0, 29.0)], 2: [(18.5, 24.5)]}


def probabilities(**classes: float) -> FloatArray:
    """One window in which each class has one probability throughout: `c0` is nobody, `c4` the first two."""
    window = np.zeros((WINDOW_FRAMES, 7), dtype=np.float32)
    for name, value in classes.items():
        window[:, int(name[1:])] = value
    return window


def table(*rows: str) -> BoolArray:
    """Frames of each speaker, written as '.' and '#': (frames, speakers)."""
    return np.array([[sign == "#" for sign in row] for row in rows], dtype=np.bool_).T


@st.composite
def activities(draw: st.DrawFn) -> tuple[BoolArray, FloatArray]:
    """Who is active, any number at once, and a score for everyone."""
    shape = (draw(st.integers(0, 40)), draw(st.integers(1, 4)))
    active = draw(arrays.arrays(np.bool_, shape))
    scores = draw(arrays.arrays(np.float32, shape, elements=st.floats(0, 1, width=32)))
    return active, scores


def test_certain_segmentation_gives_the_truth_back() -> None:
    segmentation = segment(LIVELY, 30.0)
    scores = speaker_scores(segmentation, labels_of(segmentation, LIVELY), 3)
    active = select_speakers(segmentation, scores, 0.5, 0.6)
    assert np.array_equal(active, frames_of(LIVELY, segmentation.frames))


def test_scores_average_over_the_windows_that_see_a_frame() -> None:
    """Also over those in which the speaker is nobody's label."""
    segmentation = of_windows([probabilities(c1=1.0), probabilities(c0=1.0)], (0, 100))
    scores = speaker_scores(segmentation, np.array([[0, -1, -1], [-1, -1, -1]]), 2)
    assert scores[:100, 0].tolist() == [1.0] * 100
    assert scores[100:WINDOW_FRAMES, 0].tolist() == [0.5] * (WINDOW_FRAMES - 100)
    assert scores[:, 1].max() == 0


def test_two_local_speakers_of_one_voice_count_once() -> None:
    segmentation = of_windows([probabilities(c1=0.5, c2=0.3, c4=0.2)])
    scores = speaker_scores(segmentation, np.array([[0, 0, -1]]), 1)
    assert scores[:, 0] == pytest.approx(0.7, abs=1e-3)  # the likelier one alone or with the other: 0.5 + 0.2


def test_two_are_active_only_where_overlap_is_likely() -> None:
    for overlap, expected in ((0.55, 1), (0.65, 2)):
        segmentation = of_windows([probabilities(c1=1 - overlap, c4=overlap)])
        scores = speaker_scores(segmentation, np.array([[0, 1, -1]]), 3)
        active = select_speakers(segmentation, scores, 0.5, 0.6)
        assert active.sum(axis=1).tolist() == [expected] * WINDOW_FRAMES
        assert not active[:, 2].any()


def test_nobody_is_active_where_nobody_speaks() -> None:
    segmentation = of_windows([probabilities(c0=0.55, c1=0.45)])
    scores = speaker_scores(segmentation, np.array([[0, -1, -1]]), 1)
    assert not select_speakers(segmentation, scores, 0.5, 0.6).any()
    assert select_speakers(segmentation, scores, 0.4, 0.6).all()


def test_speech_without_a_label_is_nobodys() -> None:
    segmentation = of_windows([probabilities(c1=1.0)])
    scores = speaker_scores(segmentation, np.array([[-1, -1, -1]]), 2)
    assert not select_speakers(segmentation, scores, 0.5, 0.6).any()


def test_no_speakers_are_no_problem() -> None:
    segmentation = of_windows([probabilities(c1=1.0)])
    scores = speaker_scores(segmentation, np.full((1, 3), -1), 0)
    assert select_speakers(segmentation, scores, 0.5, 0.6).shape == (WINDOW_FRAMES, 0)


def test_short_gaps_are_filled_then_short_runs_dropped() -> None:
    active = table("##.##....#...####", "#......##........")
    smoothed = smooth(active, 2.5 * FRAMES.step, 2.5 * FRAMES.step)
    expected = table("#####........####", ".................")
    assert np.array_equal(smoothed, expected)


def test_smoothing_leaves_its_input_alone_and_the_ends_open() -> None:
    active = table("..##..")
    assert np.array_equal(smooth(active, 1.0, 0.0), active)
    smooth(active, 0.0, 1.0)
    assert active.sum() == 2


@given(activities())
def test_exclusive_leaves_one_speaker_wherever_somebody_speaks(activity: tuple[BoolArray, FloatArray]) -> None:
    active, scores = activity
    single = exclusive(active, scores)
    assert np.array_equal(single.sum(axis=1), active.any(axis=1))
    assert not (single & ~active).any()


def test_exclusive_gives_a_stretch_of_overlap_to_whoever_scores_highest_over_it() -> None:
    """To one of them as a whole: a turn does not flicker."""
    active = table("#####..", "..#####")
    scores = np.array([[0.9, 0.1]] * 2 + [[0.6, 0.5], [0.2, 0.5], [0.2, 0.5]] + [[0.0, 0.9]] * 2, dtype=np.float32)
    assert np.array_equal(exclusive(active, scores), table("##.....", "..#####"))


@settings(max_examples=50)
@given(activities())
def test_exclusive_turns_never_overlap(activity: tuple[BoolArray, FloatArray]) -> None:
    active, scores = activity
    labels = [f"s{number}" for number in range(active.shape[1])]
    turns = to_turns(exclusive(active, scores), scores, labels, 10.0)
    assert all(before.end <= after.start for before, after in pairwise(turns))


@given(activities(), st.floats(0.03, 0.8))
def test_turns_are_in_order_inside_the_recording_with_a_confidence(
    activity: tuple[BoolArray, FloatArray], duration: float
) -> None:
    active, scores = activity
    turns = to_turns(active, scores, [f"s{number}" for number in range(active.shape[1])], duration)
    assert [turn.start for turn in turns] == sorted(turn.start for turn in turns)
    assert all(0 <= turn.start < turn.end <= duration for turn in turns)
    assert all(turn.confidence is not None and 0 <= turn.confidence <= 1 for turn in turns)


def test_a_turn_has_its_speakers_mean_score() -> None:
    scores = np.array([[0.1], [0.4], [0.8], [0.0]], dtype=np.float32)
    (turn,) = to_turns(table(".##."), scores, ["Ann"], 1.0)
    assert turn.speaker == "Ann"
    assert turn.confidence == pytest.approx(0.6)
    assert (turn.start, turn.end) == (FRAMES.edge(1), FRAMES.edge(3))
