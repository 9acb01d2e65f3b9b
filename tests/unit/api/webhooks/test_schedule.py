"""When a webhook is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.outbound.client import Posted
from api.webhooks.schedule import DELAYS, HOUR, JITTER, LONGEST_RETRY_AFTER, MAX_ATTEMPTS, Action, Decision, decide


@dataclass(frozen=True)
class Ended:
    """How an attempt ended."""

    status: int | None = None
    retry_after: float | None = None


class NoJitter(Random):
    def uniform(self, a: float, b: float) -> float:
        return 1.0


def seeded(seed: int) -> Random:
    return Random(seed)


def retry(seconds: float) -> Decision:
    return Decision(action=Action.RETRY, delay=seconds)


DELIVERED, DISABLE, GIVE_UP = (Decision(action=a) for a in (Action.DELIVERED, Action.DISABLE, Action.GIVE_UP))


@pytest.mark.parametrize(
    ("attempt", "outcome", "decision"),
    [
        (1, Ended(200), DELIVERED),
        (1, Ended(204, retry_after=60), DELIVERED),
        (10, Ended(299), DELIVERED),
        (1, Ended(410), DISABLE),
        (10, Ended(410), DISABLE),
        # The schedule, whatever the failure.
        (1, Ended(), retry(5)),
        (2, Ended(500), retry(300)),
        (3, Ended(301), retry(1800)),
        (4, Ended(404), retry(7200)),
        (5, Ended(429), retry(18_000)),
        (6, Ended(100), retry(36_000)),
        (7, Ended(400), retry(50_400)),
        (8, Ended(503), retry(72_000)),
        (9, Ended(401), retry(86_400)),
        (10, Ended(500), GIVE_UP),
        (10, Ended(503, retry_after=60), GIVE_UP),
        # A wish is kept where it is later than the schedule, for a day at most.
        (1, Ended(503, retry_after=60), retry(60)),
        (1, Ended(503, retry_after=1), retry(5)),
        (3, Ended(429, retry_after=7200), retry(7200)),
        (1, Ended(503, retry_after=1e9), retry(86_400)),
        (1, Ended(503, retry_after=-1), retry(5)),
    ],
)
def test_outcome_of_an_attempt_decides_what_follows(attempt: int, outcome: Ended, decision: Decision) -> None:
    assert decide(attempt, outcome, NoJitter()) == decision


@pytest.mark.parametrize("attempt", [0, -1, 11])
def test_attempt_that_does_not_exist_is_an_error(attempt: int) -> None:
    with pytest.raises(ValueError, match="numbered from 1 to 10"):
        decide(attempt, Ended(200), seeded(0))


def test_what_the_client_says_of_a_post_can_be_decided_on() -> None:
    posted = Posted(status=None, retry_after=None, seconds=15.0, error="timeout")
    assert decide(1, posted, NoJitter()) == retry(5)


def _deliver(up_from: float, random: Random) -> list[float]:
    """Times of the attempts, in seconds from the event, to a receiver that is down until `up_from`."""
    now, attempt, times = DELAYS[0], 1, []
    while True:
        times.append(now)
        decision = decide(attempt, Ended(200 if now >= up_from else 503), random)
        if decision.delay is None:
            return times
        now, attempt = now + decision.delay, attempt + 1


def test_ten_attempts_spread_over_three_days() -> None:
    times = _deliver(float("inf"), NoJitter())
    assert len(times) == MAX_ATTEMPTS
    assert times[-1] / HOUR == pytest.approx(75.6, abs=0.05)


@pytest.mark.parametrize("seed", range(100))
def test_outage_of_two_days_loses_nothing(seed: int) -> None:
    assert _deliver(48 * HOUR, seeded(seed))[-1] >= 48 * HOUR
    last = _deliver(float("inf"), seeded(seed))[-1]
    assert last / HOUR == pytest.approx(75.6, rel=JITTER)


def test_attempts_that_failed_together_do_not_come_back_together() -> None:
    random = seeded(7)
    delays = [decide(4, Ended(503), random).delay or 0.0 for _ in range(1000)]
    assert max(delays) - min(delays) > 0.9 * 2 * JITTER * DELAYS[4]


@given(
    st.integers(1, MAX_ATTEMPTS - 1),
    st.none() | st.integers(100, 599),
    st.none() | st.floats(allow_nan=False),
    st.integers(),
)
def test_delay_keeps_its_bounds(attempt: int, status: int | None, retry_after: float | None, seed: int) -> None:
    decision = decide(attempt, Ended(status, retry_after), seeded(seed))
    assert (decision.delay is not None) == (decision.action is Action.RETRY)
    if decision.delay is not None:
        asked = min(max(retry_after or 0.0, 0.0), LONGEST_RETRY_AFTER)
        assert max(DELAYS[attempt] * (1 - JITTER), asked) <= decision.delay
        assert decision.delay <= max(DELAYS[attempt], asked) * (1 + JITTER)
