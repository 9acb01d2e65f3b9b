"""Rounds: everyone's turn, medians, and ratios within a round."""

from __future__ import annotations

import pytest

from benchmarks.rounds import Spread, interleaved, ratios, spread


def test_everyone_runs_once_in_each_round() -> None:
    turns = interleaved(["a", "b", "c"], 3)
    assert [sorted(turns[number : number + 3]) for number in (0, 3, 6)] == [["a", "b", "c"]] * 3


def test_each_round_begins_with_another() -> None:
    """Who runs first, on a cold machine, is not always the same."""
    assert interleaved(["a", "b", "c"], 4)[::3] == ["a", "b", "c", "a"]


def test_nobody_takes_no_turns() -> None:
    assert interleaved([], 3) == []


def test_spread_is_median_lowest_and_highest() -> None:
    assert spread([3.0, 1.0, 10.0]) == Spread(3.0, 1.0, 10.0)


def test_ratio_is_taken_within_a_round() -> None:
    """The second round was slow for both: their ratio is the same as ever."""
    assert ratios([20.0, 60.0, 22.0], [10.0, 30.0, 10.0]) == Spread(2.0, 2.0, 2.2)


def test_ratio_needs_as_many_rounds_on_both_sides() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0], [1.0, 2.0])
