from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import select

from api.bootstrap import Service
from api.errors import InvalidRequest, NotFound
from api.events import EventType
from api.outbound.errors import UrlNotAllowed
from api.tables import webhook_deliveries, webhook_endpoints
from api.webhooks import endpoints
from api.webhooks.deliveries import DeliveryState
from api.webhooks.endpoints import Changes, Endpoint, EndpointDisabled
from api.webhooks.fan_out import fan_out
from tests.integration.conftest import add_tenant
from tests.integration.webhooks.consumer import Record

Subscribe = Callable[..., tuple[Endpoint, str]]
URL = "https://example.com/hook"


def test_an_endpoint_is_found_as_it_was_made(service: Service, tenant: UUID, subscribe: Subscribe) -> None:
    made, secret = subscribe(URL, EventType.JOB_DEAD, EventType.JOB_DEAD)
    with service.database.tenant(tenant) as connection:
        assert endpoints.get(connection, tenant, made.id) == made
        assert endpoints.every(connection, tenant) == [made]
    assert secret.startswith("whsec_")
    assert (made.url, made.events, made.enabled) == (URL, (EventType.JOB_DEAD,), True)


def test_what_is_not_named_stays(service: Service, tenant: UUID, subscribe: Subscribe) -> None:
    made, _ = subscribe(URL, EventType.JOB_DEAD)
    with service.database.tenant(tenant) as connection:
        changed = endpoints.change(connection, service.settings, tenant, made.id, Changes(description="of the shop"))
        assert (changed.url, changed.events, changed.description) == (URL, made.events, "of the shop")
        changed = endpoints.change(connection, service.settings, tenant, made.id, Changes(events=(), url=URL + "2"))
        assert (changed.url, changed.events, changed.description) == (URL + "2", (), "of the shop")


def test_disabling_drops_what_is_on_its_way(
    service: Service, tenant: UUID, subscribe: Subscribe, happen: Record
) -> None:
    made, _ = subscribe(URL)
    happen()
    fan_out(service)
    with service.database.tenant(tenant) as connection:
        off = endpoints.change(connection, service.settings, tenant, made.id, Changes(enabled=False))
        assert connection.execute(select(webhook_deliveries.c.state)).scalars().all() == [DeliveryState.DROPPED]
        with pytest.raises(EndpointDisabled):
            endpoints.send_test(connection, tenant, made.id)
        on = endpoints.change(connection, service.settings, tenant, made.id, Changes(enabled=True))
    assert (off.enabled, off.disabled_reason) == (False, "disabled by its owner")
    assert on == made


def test_a_deleted_endpoint_is_gone_with_its_secrets(service: Service, tenant: UUID, subscribe: Subscribe) -> None:
    made, _ = subscribe(URL)
    with service.database.tenant(tenant) as connection:
        endpoints.rotate_secret(connection, service.settings, tenant, made.id)
        endpoints.delete(connection, tenant, made.id)
        assert endpoints.every(connection, tenant) == []
        secrets = select(webhook_endpoints.c.secret, webhook_endpoints.c.previous_secret)
        assert connection.execute(secrets).one() == (b"", None)
        with pytest.raises(NotFound):
            endpoints.delete(connection, tenant, made.id)


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com/", "http://10.0.0.1/", "https://user:password@example.com/", "http://[::1]/", "no url at all"],
)
def test_a_url_that_is_not_allowed_is_refused_when_it_is_named(
    url: str, service: Service, tenant: UUID, subscribe: Subscribe
) -> None:
    made, _ = subscribe(URL)
    with service.database.tenant(tenant) as connection:
        with pytest.raises(UrlNotAllowed):
            endpoints.create(connection, service.settings, tenant, url=url)
        with pytest.raises(UrlNotAllowed):
            endpoints.change(connection, service.settings, tenant, made.id, Changes(url=url))


@pytest.mark.parametrize("name", ["job.exploded", "webhook.test", ""])
def test_an_event_that_nobody_can_subscribe_to_is_refused(name: str, service: Service, tenant: UUID) -> None:
    with service.database.tenant(tenant) as connection, pytest.raises(InvalidRequest) as caught:
        endpoints.create(connection, service.settings, tenant, url=URL, events=["job.dead", name])
    assert caught.value.pointer == "/events/1"


def test_a_tenant_cannot_have_endpoints_without_end(
    service: Service, tenant: UUID, subscribe: Subscribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "MOST_ENDPOINTS", 1)
    subscribe(URL)
    with pytest.raises(InvalidRequest):
        subscribe(URL)


def test_another_tenants_endpoint_does_not_exist(service: Service, subscribe: Subscribe) -> None:
    made, _ = subscribe(URL)
    stranger = add_tenant(service)
    with service.database.tenant(stranger) as connection:
        assert endpoints.every(connection, stranger) == []
        for act in (
            lambda: endpoints.get(connection, stranger, made.id),
            lambda: endpoints.change(connection, service.settings, stranger, made.id, Changes(enabled=False)),
            lambda: endpoints.rotate_secret(connection, service.settings, stranger, made.id),
            lambda: endpoints.delete(connection, stranger, made.id),
            lambda: endpoints.send_test(connection, stranger, made.id),
        ):
            with pytest.raises(NotFound):
                act()
