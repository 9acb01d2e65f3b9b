"""Signatures, checked as every receiver checks them: with the stock library."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from api.webhooks.signing import SECRET_PREFIX, headers, make_secret

BODY = json.dumps({"type": "job.succeeded", "data": {"id": "é"}}, ensure_ascii=False).encode()
OLD, NEW, FOREIGN = make_secret(), make_secret(), make_secret()
EXAMPLE = SECRET_PREFIX + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def verifies(secret: str, secrets: list[str], body: bytes = BODY, now: datetime | None = None) -> bool:
    signed = headers("evt_1", now or datetime.now(UTC), BODY, secrets)
    try:
        Webhook(secret).verify(body, signed)
    except WebhookVerificationError:
        return False
    return True


def test_secret_is_32_random_bytes() -> None:
    made = {make_secret() for _ in range(100)}
    assert len(made) == 100
    assert {len(base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)) for secret in made} == {32}


@pytest.mark.parametrize(
    ("secrets", "old", "new"),
    [([OLD], True, False), ([NEW, OLD], True, True), ([OLD, NEW], True, True), ([NEW], False, True)],
    ids=["before", "during", "during, in the other order", "after"],
)
def test_receiver_can_verify_throughout_a_rotation(secrets: list[str], old: bool, new: bool) -> None:
    assert (verifies(OLD, secrets), verifies(NEW, secrets), verifies(FOREIGN, secrets)) == (old, new, False)


def test_changed_body_does_not_verify() -> None:
    assert not verifies(OLD, [OLD], BODY + b" ")


def test_time_of_any_zone_is_the_same_moment() -> None:
    """The library takes the clock's reading as UTC; the header must agree with what was signed."""
    tokyo = datetime.now(timezone(timedelta(hours=9)))
    assert verifies(OLD, [OLD], now=tokyo)
    assert headers("evt_1", tokyo, BODY, [OLD]) == headers("evt_1", tokyo.astimezone(UTC), BODY, [OLD])


def test_old_attempt_does_not_verify() -> None:
    assert not verifies(OLD, [OLD], now=datetime.now(UTC) - timedelta(minutes=6))


def test_headers_are_those_of_the_specification() -> None:
    """The example that the specification and its implementations share."""
    moment = datetime(2021, 2, 25, 15, 2, 10, 900_000, tzinfo=UTC)
    assert headers("msg_p5jXN8AQM9LWM0D4loKWxJek", moment, b'{"test": 2432232314}', [EXAMPLE]) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(st.text(), st.integers(0, 2**31))
def test_any_body_is_signed(text: str, seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    try:
        body = text.encode()
    except UnicodeEncodeError:
        return
    assert headers("evt_1", moment, body, [OLD])["webhook-timestamp"] == str(seconds)


@pytest.mark.parametrize(
    ("event_id", "moment", "secrets", "said"),
    [
        ("evt_1", datetime.now(UTC), [], "at least one secret"),
        ("evt_1", datetime(2026, 1, 1), [OLD], "time zone"),  # noqa: DTZ001 - what is refused
        ("evt.1", datetime.now(UTC), [OLD], "full stop"),
    ],
)
def test_what_cannot_be_verified_is_not_signed(event_id: str, moment: datetime, secrets: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        headers(event_id, moment, BODY, secrets)
