"""Requests a minute."""

from __future__ import annotations

from uuid import uuid4

import pytest

from api.errors import RateLimited
from api.quotas import RateLimiter

TENANT, OTHER = uuid4(), uuid4()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_minute_of_requests_passes_at_once_and_the_next_has_to_wait() -> None:
    limiter = RateLimiter(Clock())
    for _ in range(6):
        limiter.take(TENANT, 6)
    with pytest.raises(RateLimited) as caught:
        limiter.take(TENANT, 6)
    assert caught.value.retry_after == pytest.approx(10.0)


def test_requests_come_back_with_time() -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    for _ in range(6):
        limiter.take(TENANT, 6)
    clock.now += 10.5
    limiter.take(TENANT, 6)
    with pytest.raises(RateLimited):
        limiter.take(TENANT, 6)


def test_one_tenant_takes_none_of_another() -> None:
    limiter = RateLimiter(Clock())
    limiter.take(TENANT, 1)
    limiter.take(OTHER, 1)
    with pytest.raises(RateLimited):
        limiter.take(TENANT, 1)


def test_a_refused_request_costs_nothing() -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    limiter.take(TENANT, 1)
    for _ in range(100):
        with pytest.raises(RateLimited):
            limiter.take(TENANT, 1)
    clock.now += 60.0
    limiter.take(TENANT, 1)


def test_no_requests_at_all_may_be_allowed() -> None:
    with pytest.raises(RateLimited) as caught:
        RateLimiter(Clock()).take(TENANT, 0)
    assert caught.value.retry_after > 0
