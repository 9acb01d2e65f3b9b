"""How long to wait before a child that ended is started again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits that double with every end that comes soon after a start."""

    first_seconds: float = 0.2
    most_seconds: float = 30.0
    steady_seconds: float = 10.0
    """A child that ran for so long starts over with the first wait."""

    def failures(self, before: int, ran_seconds: float) -> int:
        """Ends in a row, counting the one after `ran_seconds`."""
        return 1 if ran_seconds >= self.steady_seconds else before + 1

    def wait(self, failures: int) -> float:
        """Seconds until the next start, after so many ends in a row."""
        # 2**64 is beyond any wait, and a power without a bound grows out of a float.
        return min(self.most_seconds, self.first_seconds * 2.0 ** min(failures - 1, 64))
