"""What a webhook says, and what it never says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.events import EventType
from api.webhooks.body import body_of

NOON = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
JOB = {"job_id": "0199", "recording_id": "0198", "state": "succeeded", "error": None}
LIMIT = 20_000
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def told(kind: EventType, data: dict[str, Any]) -> Any:
    return json.loads(body_of(kind, NOON, data))


def test_body_of_a_success_says_where_the_result_is() -> None:
    assert body_of(EventType.JOB_SUCCEEDED, NOON, JOB) == (
        b'{"type":"job.succeeded","timestamp":"2026-03-01T12:00:00.250Z","data":{"job_id":"0199",'
        b'"recording_id":"0198","state":"succeeded","error":null,"result":"/v1/recordings/0198/transcript"}}'
    )


@pytest.mark.parametrize("kind", [EventType.JOB_FAILED, EventType.JOB_CANCELLED, EventType.JOB_DEAD])
def test_a_job_without_a_result_names_none(kind: EventType) -> None:
    assert told(kind, JOB)["data"]["result"] is None


def test_error_is_told_with_its_type() -> None:
    error = {"type": "corrupt-media", "detail": "The audio is damaged", "trace": "secret"}
    data = told(EventType.JOB_FAILED, JOB | {"error": error})["data"]
    assert data["error"] == {"type": "corrupt-media", "detail": "The audio is damaged"}


def test_time_is_told_in_utc() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert body_of(EventType.JOB_DEAD, there, JOB) == body_of(EventType.JOB_DEAD, NOON, JOB)


@given(st.dictionaries(st.sampled_from(["text", "words", "transcript", "name", "metadata", "url", "result"]), ANY_JSON))
def test_only_named_fields_are_told(others: dict[str, Any]) -> None:
    """Whatever else is written into the outbox stays there."""
    for kind in EventType:
        assert body_of(kind, NOON, others | JOB) == body_of(kind, NOON, JOB)


@given(st.text(min_size=1), st.integers(1, 100_000))
def test_no_body_is_larger_than_receivers_take(text: str, times: int) -> None:
    long = text * (1 + times // len(text))
    data = dict.fromkeys(JOB, long) | {"endpoint_id": long, "error": {"type": long, "detail": long}}
    for kind in EventType:
        # A lone surrogate cannot lie in a text of Postgres.
        clean = json.loads(json.dumps(data).encode().replace(b"\\ud", b"x"))
        assert len(body_of(kind, NOON, clean)) < LIMIT


def test_the_largest_body_is_far_from_the_limit() -> None:
    """A control character takes six bytes in JSON."""
    data = dict.fromkeys(JOB, "\x01" * LIMIT) | {"error": {"type": "\x01" * LIMIT, "detail": "\x01" * LIMIT}}
    assert LIMIT / 4 < len(body_of(EventType.JOB_FAILED, NOON, data)) < LIMIT / 2
