"""One post to one endpoint, without a database."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from api.events import EventType
from api.outbound.addresses import networks
from api.outbound.client import OutboundClient, Posted
from api.outbound.urls import UrlRules
from api.settings import Settings
from api.webhooks.deliveries import Claimed
from api.webhooks.endpoints import secret_box
from api.webhooks.signing import make_secret
from tests.unit.api.outbound.fakes import NO_AUTHORITIES
from workers import delivery

SETTINGS = Settings(
    database_url=SecretStr("postgresql://nowhere/none"),
    redis_url=SecretStr("redis://nowhere"),
    secret_keys=(SecretStr(base64.urlsafe_b64encode(bytes(32)).decode()),),
)
ENDPOINT = uuid4()
SECRETS = (make_secret(), make_secret())
HELD = Claimed(
    delivery_id=uuid4(),
    tenant_id=uuid4(),
    endpoint_id=ENDPOINT,
    event_id=uuid4(),
    attempt=1,
    fence=1,
    at=datetime.now(UTC),
    url="https://example.com/hook",
    secrets=tuple(secret_box(SETTINGS).seal(secret, ENDPOINT) for secret in SECRETS),
    kind=EventType.JOB_SUCCEEDED,
    happened_at=datetime.now(UTC),
    data={"job_id": "1", "recording_id": "2", "state": "succeeded", "error": None},
)


class Remembering(OutboundClient):
    """Posts nothing, and remembers it."""

    def __init__(self) -> None:
        super().__init__(UrlRules(allowed_networks=networks()), tls=NO_AUTHORITIES)
        self.posts: list[tuple[str, bytes, Mapping[str, str]]] = []

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = 15.0) -> Posted:
        self.posts.append((url, body, headers))
        return Posted(status=204, retry_after=None, seconds=0.1, error=None)


class Broken(Remembering):
    """Meets with something that nobody thought of."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = 15.0) -> Posted:
        raise OverflowError


@pytest.fixture
def client() -> Remembering:
    return Remembering()


def test_a_post_is_signed_with_every_secret_that_counts(client: Remembering) -> None:
    # Receivers take nothing older than five minutes: the time is that of the test, not of its import.
    assert delivery._posted(SETTINGS, client, replace(HELD, at=datetime.now(UTC))).accepted
    ((url, body, headers),) = client.posts
    assert url == HELD.url
    assert headers["webhook-id"] == str(HELD.event_id)
    assert headers["content-type"] == "application/json"
    for secret in SECRETS:
        assert Webhook(secret).verify(body, dict(headers))["type"] == "job.succeeded"


def test_a_secret_of_another_endpoint_is_not_used(client: Remembering) -> None:
    """A row that was copied from one endpoint to another does not open there."""
    posted = delivery._posted(SETTINGS, client, replace(HELD, endpoint_id=uuid4()))
    assert posted == Posted(status=None, retry_after=None, seconds=0.0, error="secret-unreadable")
    assert client.posts == []


def test_a_replaced_secret_that_does_not_open_keeps_no_event_back(client: Remembering) -> None:
    """The key that it was stored under may be gone; the newest secret signs alone."""
    sealed = replace(HELD, at=datetime.now(UTC), secrets=(HELD.secrets[0], "00000000.AAAA"))
    assert delivery._posted(SETTINGS, client, sealed).accepted
    ((_, body, headers),) = client.posts
    assert headers["webhook-signature"].count("v1,") == 1
    assert Webhook(SECRETS[0]).verify(body, dict(headers))


def test_a_surprise_is_an_attempt_that_failed() -> None:
    """Otherwise nothing would be settled, and the same attempt be made again for ever."""
    posted = delivery._posted(SETTINGS, Broken(), HELD)
    assert posted == Posted(status=None, retry_after=None, seconds=0.0, error="internal-error")


def test_a_repeated_attempt_posts_the_same_bytes(client: Remembering) -> None:
    for attempt in (1, 2):
        delivery._posted(SETTINGS, client, replace(HELD, attempt=attempt))
    assert client.posts[0] == client.posts[1]
