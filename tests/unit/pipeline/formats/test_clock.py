from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.clock import clock, milliseconds, on_grid, short_clock, stretch, turns_on_grid
from pipeline.types import Diarization
from tests.unit.pipeline.formats.examples import turn
from tests.unit.pipeline.strategies import diarizations


def test_times_before_the_start_are_the_start() -> None:
    assert milliseconds(-0.2) == 0


def test_a_stretch_of_no_length_lasts_a_millisecond() -> None:
    assert stretch(1.2341, 1.2342) == (1234, 1235)


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_rounding_keeps_the_order(first: float, second: float) -> None:
    if first <= second:
        assert on_grid(first) <= on_grid(second)


def test_a_turn_that_rounds_to_nothing_is_left_out() -> None:
    """Lengthened, it would run into the turn after it."""
    assert turns_on_grid([turn(1.0, 1.0002), turn(1.0002, 2.0)]) == (turn(1.0, 2.0),)


@given(diarizations())
def test_exclusive_turns_stay_exclusive_and_positive_on_the_grid(diarization: Diarization) -> None:
    rounded = turns_on_grid(diarization.exclusive)
    assert all(item.end > item.start for item in rounded)
    assert all(before.end <= after.start for before, after in pairwise(rounded))


@pytest.mark.parametrize(
    ("instant", "written"),
    [(0, "00:00:00,000"), (61_001, "00:01:01,001"), (3_599_999, "00:59:59,999"), (360_000_000, "100:00:00,000")],
)
def test_clock_writes_hours_minutes_seconds_milliseconds(instant: int, written: str) -> None:
    assert clock(instant, ",") == written


@pytest.mark.parametrize(
    ("seconds", "hours", "written"),
    [(6.9, False, "0:06"), (75.0, False, "1:15"), (75.0, True, "0:01:15"), (3600.0, False, "1:00:00")],
)
def test_short_clock_shows_hours_where_there_are_any(seconds: float, hours: bool, written: str) -> None:
    assert short_clock(seconds, hours=hours) == written
