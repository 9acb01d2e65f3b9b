"""Deadlines and least speeds, without waiting for either."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.outbound.watch import BodyTooSlow, OutOfTime, SpeedGauge, Watch


def test_operation_may_take_its_own_time_out_or_what_is_left() -> None:
    now = 0.0
    watch = Watch(10, lambda: now)
    assert (watch.allowed(3), watch.allowed(None)) == (3, 10)
    now = 8.0
    assert (watch.allowed(3), watch.elapsed) == (2, 8)
    now = 10.0
    with pytest.raises(OutOfTime):
        watch.allowed(3)


def test_deadline_moves_from_the_start_not_from_now() -> None:
    now = 0.0
    watch = Watch(10, lambda: now)
    now = 5.0
    watch.end_at(20)
    assert watch.allowed(None) == 15


def test_speed_is_measured_only_once_it_is_asked_for() -> None:
    watch = Watch(10)
    watch.received(1, 100)
    watch.measure(SpeedGauge(least=1, window=10))
    with pytest.raises(BodyTooSlow):
        watch.received(1, 100)


def test_slow_stretch_is_found_after_a_fast_one() -> None:
    gauge = SpeedGauge(least=100, window=10)
    gauge.add(1_000_000, 10)
    with pytest.raises(BodyTooSlow):
        gauge.add(999, 10)


def test_pause_within_a_window_is_forgiven() -> None:
    gauge = SpeedGauge(least=100, window=10)
    gauge.add(0, 9)
    gauge.add(1000, 1)


def _send(gauge: SpeedGauge, pieces: list[tuple[int, float]]) -> None:
    for size, waited in pieces:
        gauge.add(size, waited)


@given(st.lists(st.tuples(st.integers(0, 100), st.floats(0.01, 1.0)), min_size=100, max_size=120))
def test_sender_below_the_least_speed_is_always_found(pieces: list[tuple[int, float]]) -> None:
    """However it cuts what it sends: at least 1 s passes, at most 100 bytes each 0.01 s."""
    with pytest.raises(BodyTooSlow):
        _send(SpeedGauge(least=10_001, window=0.5), pieces)


@given(st.lists(st.tuples(st.integers(1000, 5000), st.floats(0.0, 0.1))))
def test_sender_above_the_least_speed_is_never_stopped(pieces: list[tuple[int, float]]) -> None:
    _send(SpeedGauge(least=9_999, window=1), pieces)
