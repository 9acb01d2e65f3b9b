"""What follows an attempt to deliver a webhook: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from random import Random
from typing import Protocol

MINUTE, HOUR = 60.0, 3600.0
DELAYS = (0.0, 5.0, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
"""Seconds before each attempt: ten of them over 75.6 h, so that a weekend's outage loses nothing."""
MAX_ATTEMPTS = len(DELAYS)
JITTER = 0.1
"""Part of a delay by which it is varied, so that what failed together does not come back together."""
LONGEST_RETRY_AFTER = 24 * HOUR
"""A receiver can put an attempt off as long as the longest delay, not for ever."""


class Outcome(Protocol):
    """What is read of an attempt; `api.outbound.client.Posted` is one."""

    @property
    def status(self) -> int | None:
        """The reply's status; None where none came."""

    @property
    def retry_after(self) -> float | None:
        """Seconds after which the receiver asks to be tried again."""


class Action(StrEnum):
    """What follows an attempt."""

    DELIVERED = "delivered"  # the receiver has it
    RETRY = "retry"  # again, after a delay
    GIVE_UP = "give_up"  # the last attempt failed; a replay can still be asked for
    DISABLE = "disable"  # the receiver wants no more: 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What follows an attempt, and when."""

    action: Action
    delay: float | None = None
    """Seconds until the next attempt; only where there is one."""


def decide(attempt: int, outcome: Outcome, random: Random) -> Decision:
    """What follows attempt number `attempt` (1 to 10), which ended as `outcome`.

    Only a 2xx counts as delivered; a redirect is a failure like any other.

    Raises:
        ValueError: there is no such attempt.
    """
    if not 1 <= attempt <= MAX_ATTEMPTS:
        message = f"attempts are numbered from 1 to {MAX_ATTEMPTS}, not {attempt}"
        raise ValueError(message)
    if outcome.status is not None and HTTPStatus(200) <= outcome.status < HTTPStatus(300):
        return Decision(action=Action.DELIVERED)
    if outcome.status == HTTPStatus.GONE:
        return Decision(action=Action.DISABLE)
    if attempt == MAX_ATTEMPTS:
        return Decision(action=Action.GIVE_UP)
    return Decision(action=Action.RETRY, delay=_delay(attempt, outcome.retry_after, random))


def _delay(attempt: int, retry_after: float | None, random: Random) -> float:
    planned = DELAYS[attempt] * random.uniform(1 - JITTER, 1 + JITTER)
    asked = min(max(retry_after or 0.0, 0.0), LONGEST_RETRY_AFTER)
    # Never before the receiver asked for; later by up to the same part.
    return max(planned, asked * random.uniform(1, 1 + JITTER))
