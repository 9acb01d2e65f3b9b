from __future__ import annotations

import pytest

from embedded.backoff import Backoff

BACKOFF = Backoff(first_seconds=0.5, most_seconds=30.0, steady_seconds=10.0)


@pytest.mark.parametrize(("failures", "seconds"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (10_000, 30.0)])
def test_waits_double_up_to_the_longest(failures: int, seconds: float) -> None:
    assert BACKOFF.wait(failures) == seconds


def test_an_early_end_counts_with_those_before_it() -> None:
    assert BACKOFF.failures(3, ran_seconds=9.9) == 4


def test_a_child_that_ran_for_a_while_starts_over() -> None:
    assert BACKOFF.failures(3, ran_seconds=10.0) == 1
