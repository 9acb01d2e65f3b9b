"""Keys of stored secrets are rotated without anybody's noticing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import event, select, update

from api.bootstrap import Service
from api.tables import webhook_endpoints
from api.webhooks import endpoints, resealing
from api.webhooks.endpoints import Endpoint
from api.webhooks.resealing import reseal_secrets
from api.webhooks.secrets import SecretBox, SecretUnreadable, make_key

Subscribe = Callable[..., tuple[Endpoint, str]]
URL = "https://example.com/hook"
NEW = make_key()


@pytest.fixture
def rotated(service: Service) -> Service:
    """The service after a new key was put before the old one."""
    keys = (SecretStr(NEW), *service.settings.secret_keys)
    return replace(service, settings=service.settings.model_copy(update={"secret_keys": keys}))


def opened(service: Service, endpoint: Endpoint, *keys: str) -> list[str]:
    """The secrets of an endpoint, the newest first, as such keys open them."""
    with service.database.system() as connection:
        row = connection.execute(
            select(webhook_endpoints.c.secret, webhook_endpoints.c.previous_secret).where(
                webhook_endpoints.c.id == endpoint.id
            )
        ).one()
    return [SecretBox(keys).open(sealed.decode(), endpoint.id) for sealed in row if sealed]


def rotate_secret(service: Service, tenant: UUID, endpoint: Endpoint) -> str:
    with service.database.tenant(tenant) as connection:
        return endpoints.rotate_secret(connection, service.settings, tenant, endpoint.id)[1]


def test_what_an_old_key_has_sealed_opens_with_the_newest_alone(
    service: Service, rotated: Service, tenant: UUID, subscribe: Subscribe
) -> None:
    (plain, secret), (twice, replaced) = subscribe(URL), subscribe(URL)
    newest = rotate_secret(service, tenant, twice)
    with pytest.raises(SecretUnreadable):
        opened(service, plain, NEW)
    assert reseal_secrets(rotated) == 3
    assert opened(service, plain, NEW) == [secret]
    assert opened(service, twice, NEW) == [newest, replaced]
    assert reseal_secrets(rotated) == 0


def test_where_no_key_is_old_nothing_is_asked(service: Service, subscribe: Subscribe) -> None:
    subscribe(URL)
    asked = list[str]()
    event.listen(service.database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    assert reseal_secrets(service) == 0
    assert asked == []


def test_a_secret_that_is_rotated_meanwhile_is_left_as_it_is(
    service: Service, rotated: Service, tenant: UUID, subscribe: Subscribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, secret = subscribe(URL)
    made = list[str]()

    class Slow(SecretBox):
        def seal(self, secret: str, endpoint_id: UUID) -> str:
            if not made:
                made.append("")
                made.append(rotate_secret(rotated, tenant, endpoint))
            return super().seal(secret, endpoint_id)

    slow = Slow([key.get_secret_value() for key in rotated.settings.secret_keys])
    monkeypatch.setattr(resealing, "secret_box", lambda _: slow)
    assert reseal_secrets(rotated) == 0
    assert reseal_secrets(rotated) == 1, "what was the newest is the one before by now"
    assert opened(service, endpoint, NEW) == [made[1], secret]


def test_a_row_that_does_not_open_keeps_no_other_from_it(
    service: Service, rotated: Service, subscribe: Subscribe
) -> None:
    (broken, _), (sound, secret) = subscribe(URL), subscribe(URL)
    (old,) = SecretBox([key.get_secret_value() for key in rotated.settings.secret_keys]).old_key_ids
    with service.database.system() as connection:
        spoilt = update(webhook_endpoints).where(webhook_endpoints.c.id == broken.id)
        connection.execute(spoilt.values(secret=f"{old}.".encode() + b"\xff"))
    assert reseal_secrets(rotated) == 1
    assert opened(service, sound, NEW) == [secret]


def test_only_so_many_are_sealed_at_once(
    rotated: Service, subscribe: Subscribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "BATCH", 2)
    for _ in range(3):
        subscribe(URL)
    assert [reseal_secrets(rotated) for _ in range(3)] == [2, 1, 0]
