"""Whether a job that failed is tried again, and when."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pipeline.errors import HansardError, OutOfMemory, PermanentError, TransientError

SHORTEST: Final = timedelta(seconds=5)
LONGEST: Final = timedelta(minutes=10)
MAX_FAILURES: Final = 80
"""Of a kind that passes: about six hours, at five minutes a try once the delays have grown."""
MAX_SHORTAGES: Final = 12
"""For want of memory: about an hour, in which jobs beside it end. By then it is the job that is too large."""
MAX_SURPRISES: Final = 3
"""Of a kind that nobody foresaw: once more may help, for ever does not."""


class InternalError(HansardError):
    """Something went wrong that should not have; the log of the worker says what."""

    slug = "internal-error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Try again after some time."""

    after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """The job has failed."""


def decide(error: HansardError, failures: int, chance: random.Random) -> Retry | GiveUp:
    """Decide on a job that has failed `failures` times before for the same reason."""
    if isinstance(error, PermanentError) or failures + 1 >= _most(error):
        return GiveUp()
    return Retry(after=backoff(failures, chance))


def known_error(error: Exception) -> HansardError:
    """The error as clients may see it: ours as it is, the message of any other may hold anything."""
    if isinstance(error, MemoryError):
        return OutOfMemory()
    return error if isinstance(error, HansardError) else InternalError()


def _most(error: HansardError) -> int:
    """Failures with which a job is given up."""
    if isinstance(error, OutOfMemory):
        return MAX_SHORTAGES
    return MAX_FAILURES if isinstance(error, TransientError) else MAX_SURPRISES


def backoff(failures: int, chance: random.Random) -> timedelta:
    """Full jitter below a bound that doubles: those who failed together do not come back together.

    Source: Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
    """
    bound = min(SHORTEST * (1 << min(failures, 20)), LONGEST)
    return bound * chance.uniform(0.2, 1.0)
