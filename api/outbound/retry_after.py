"""The Retry-After header: when the other side wants to be tried again (RFC 9110, 10.2.3)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_NUMBER = 9
"""Digits. Longer ones are no time anybody means (10^9 s are 31 years)."""


def parse_retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds to wait, from a number of seconds or a date; None where there is neither. A date in the past is 0."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text) if len(text) <= LONGEST_NUMBER else None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year or a zone of twenty digits is no number to C
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())
