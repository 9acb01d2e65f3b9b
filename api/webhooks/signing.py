"""Secrets and signatures of webhooks: Standard Webhooks 1.0.0."""

from __future__ import annotations

import base64
import secrets as randomness
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

SECRET_BYTES = 32
"""The specification asks for 24 to 64."""
SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret begins with


def make_secret() -> str:
    """A new secret, from 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(randomness.token_bytes(SECRET_BYTES)).decode("ascii")


def headers(event_id: str, timestamp: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The headers that let a receiver check who sent `body`, and when.

    Args:
        event_id: the same on every attempt, so that a receiver can tell repetitions. It holds no full stop.
        timestamp: when this attempt is made, with its time zone. Receivers refuse what is 5 minutes off.
        body: the bytes as sent, in UTF-8.
        secrets: one signature is made with each. After a rotation these are the new and the old one, for 24 h.

    Raises:
        ValueError: there is no secret, the time has no zone, or the id holds a full stop.
    """
    if not secrets:
        message = "a webhook is signed with at least one secret"
        raise ValueError(message)
    if timestamp.tzinfo is None:
        message = "the time of an attempt needs a time zone"
        raise ValueError(message)
    if "." in event_id:
        message = "a full stop separates what is signed, so an id cannot hold one"
        raise ValueError(message)
    # The library takes the clock time as UTC, whatever zone it is given.
    moment = timestamp.astimezone(UTC)
    text = body.decode("utf-8")
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(event_id, moment, text) for secret in secrets),
    }
