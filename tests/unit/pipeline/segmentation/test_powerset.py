from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.segmentation.powerset import Powerset


def test_classes_are_ordered_by_size_then_by_speaker() -> None:
    members = [tuple(np.flatnonzero(row).tolist()) for row in Powerset(3, 2).members]
    assert members == [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]


def test_sizes_count_the_members() -> None:
    assert Powerset(3, 2).sizes.tolist() == [0, 1, 1, 1, 2, 2, 2]


def test_all_speakers_at_once_can_be_a_class() -> None:
    assert Powerset(3, 3).classes == 8
    assert Powerset(4, 2).classes == 11


def test_the_likeliest_class_alone_says_who_is_active() -> None:
    """Speaker 0 is active with 60 % and yet the likeliest single class is nobody."""
    probabilities = np.array([[0.4, 0.2, 0.0, 0.0, 0.2, 0.2, 0.0]], dtype=np.float32)
    assert Powerset().hard(probabilities).tolist() == [[False, False, False]]
    assert np.allclose(Powerset().soft(probabilities), [[0.6, 0.2, 0.2]])


def test_windows_of_half_precision_keep_their_axes() -> None:
    probabilities = np.zeros((2, 5, 7), dtype=np.float16)
    probabilities[..., 4] = 1
    assert Powerset().hard(probabilities).shape == (2, 5, 3)
    assert Powerset().hard(probabilities)[1, 2].tolist() == [True, True, False]


@given(st.lists(st.floats(0, 1), min_size=7, max_size=7).filter(lambda row: sum(row) > 0.1))
def test_marginals_sum_to_the_expected_number_of_speakers(row: list[float]) -> None:
    powerset = Powerset()
    probabilities = np.array(row, dtype=np.float32) / np.float32(sum(row))
    soft = powerset.soft(probabilities)
    assert np.isclose(soft.sum(), (probabilities * powerset.sizes).sum(), atol=1e-5)
    assert soft.min() >= 0
    assert soft.max() <= 1 + 1e-5


@given(st.integers(0, 6))
def test_certainty_about_a_class_is_the_same_hard_and_soft(number: int) -> None:
    powerset = Powerset()
    certain = np.eye(7, dtype=np.float32)[number]
    assert powerset.hard(certain).tolist() == (powerset.soft(certain) > 0.5).tolist()
