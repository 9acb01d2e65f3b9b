from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import OwnershipLost, TemporarilyUnavailable
from pipeline.errors import CorruptMedia, ModelUnavailable, OutOfMemory
from workers.retry import (
    LONGEST,
    MAX_FAILURES,
    MAX_SHORTAGES,
    MAX_SURPRISES,
    SHORTEST,
    GiveUp,
    backoff,
    decide,
    known_error,
)


@pytest.mark.parametrize(
    ("error", "failures", "given_up"),
    [
        (CorruptMedia(), 0, True),
        (TemporarilyUnavailable(), 0, False),
        (ModelUnavailable(), MAX_FAILURES - 2, False),
        (TemporarilyUnavailable(), MAX_FAILURES - 1, True),
        (MemoryError(), MAX_SURPRISES, False),
        (OutOfMemory(), MAX_SHORTAGES - 2, False),
        (OutOfMemory(), MAX_SHORTAGES - 1, True),
        (MemoryError(), MAX_SHORTAGES - 1, True),
        (ZeroDivisionError(), 0, False),
        (ZeroDivisionError(), MAX_SURPRISES - 1, True),
        (OwnershipLost(), MAX_SURPRISES - 1, True),
    ],
)
def test_the_kind_of_an_error_decides_how_often_it_is_tried(error: Exception, failures: int, given_up: bool) -> None:
    assert isinstance(decide(known_error(error), failures, random.Random(1)), GiveUp) == given_up


def test_what_nobody_foresaw_is_not_shown() -> None:
    shown = known_error(KeyError("/var/lib/secret"))
    assert shown.slug == "internal-error"
    assert "secret" not in str(shown)


def test_our_own_errors_are_shown_as_they_are() -> None:
    error = CorruptMedia("the audio is damaged after 3 s")
    assert known_error(error) is error


def test_want_of_memory_is_said_to_be_that() -> None:
    assert known_error(MemoryError()).slug == "out-of-memory"


@given(st.integers(0, 10_000), st.integers())
def test_delays_stay_within_their_bounds(failures: int, seed: int) -> None:
    delay = backoff(failures, random.Random(seed))
    assert SHORTEST * 0.2 <= delay <= LONGEST


def test_delays_grow_and_differ() -> None:
    chance = random.Random(1)
    early = [backoff(0, chance) for _ in range(200)]
    late = [backoff(5, chance) for _ in range(200)]
    assert max(early) <= SHORTEST < sum(late, timedelta()) / 200
    assert len(set(early)) > 190


def test_a_day_of_failures_is_not_waited_for() -> None:
    """Six hours and a half at most in the mean, which is what a passing fault is given."""
    chance = random.Random(1)
    waited = sum((backoff(number, chance) for number in range(MAX_FAILURES)), timedelta())
    assert timedelta(hours=5) < waited < timedelta(hours=9)
