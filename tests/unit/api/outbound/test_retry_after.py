"""The Retry-After header."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.outbound.retry_after import parse_retry_after

NOW = datetime(2026, 2, 2, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0),
        ("120", 120),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
        ("9" * 5000, None),
        ("Mon, 02 Feb 2026 12:01:00 GMT", 60),
        ("Mon, 02 Feb 2026 13:01:00 +0100", 60),
        ("Mon, 02 Feb 2026 12:01:00 -0000", 60),
        ("Mon, 02 Feb 2026 11:00:00 GMT", 0),
        ("Mon, 99 Feb 2026 11:00:00 GMT", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 02 Feb 2026 12:00:00 +99999999999999", None),
    ],
)
def test_number_or_date_becomes_seconds(text: str | None, seconds: float | None) -> None:
    assert parse_retry_after(text, NOW) == seconds


@given(st.text() | st.from_regex(r"\w{3}, \d{1,3} \w{3} \d{1,25} \d\d:\d\d:\d\d ([+-]\d{4,25}|GMT)", fullmatch=True))
def test_any_text_is_read_or_passed_over(text: str) -> None:
    seconds = parse_retry_after(text, NOW)
    assert seconds is None or seconds >= 0
