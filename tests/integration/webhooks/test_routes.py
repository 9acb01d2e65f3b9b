"""The HTTP edge of webhook endpoints."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.bootstrap import Service
from api.http.app import create_app
from api.http.authentication import Principal, Scope, authenticated
from api.queue import WEBHOOKS, InMemoryQueue
from api.tables import audit_log
from api.webhooks.fan_out import fan_out
from tests.integration.conftest import add_tenant
from tests.integration.webhooks.consumer import Consumer, Deliverer, Record

Calling = Callable[..., TestClient]
PATH = "/v1/webhook-endpoints"


@pytest.fixture
def calling(service: Service, tenant: UUID) -> Calling:
    """Makes a client of a tenant."""
    app = create_app(service)

    def make(owner: UUID = tenant, scope: Scope = Scope.WEBHOOKS) -> TestClient:
        caller = Principal(tenant_id=owner, key_prefix="abc", scopes=frozenset({scope}), request_id="r-1")
        app.dependency_overrides[authenticated] = lambda: caller
        return TestClient(app)

    return make


@pytest.fixture
def http(calling: Calling) -> TestClient:
    return calling()


def test_an_endpoint_lives_through_its_routes(http: TestClient, service: Service, tenant: UUID) -> None:
    made = http.post(PATH, json={"url": "https://example.com/", "events": ["job.dead"]})
    assert made.status_code == 201
    body = made.json()
    secret, ident = body.pop("secret"), body["id"]
    assert secret.startswith("whsec_")
    assert http.get(PATH).json() == {"items": [body]}
    assert http.get(f"{PATH}/{ident}").json() == body
    changed = http.patch(f"{PATH}/{ident}", json={"enabled": False}).json()
    assert changed == body | {"enabled": False, "disabled_reason": "disabled by its owner"}
    rotated = http.post(f"{PATH}/{ident}/rotate-secret").json()
    assert rotated["secret"] != secret
    assert rotated["previous_secret_until"] is not None
    assert http.delete(f"{PATH}/{ident}").status_code == 204
    assert http.get(PATH).json() == {"items": []}
    with service.database.tenant(tenant) as connection:
        done = connection.execute(select(audit_log.c.action).order_by(audit_log.c.id)).scalars().all()
    assert done == [f"webhook_endpoint.{what}" for what in ("created", "changed", "secret_rotated", "deleted")]


def test_a_test_is_sent_at_once(http: TestClient, service: Service, consumer: Consumer, deliverer: Deliverer) -> None:
    ident = http.post(PATH, json={"url": consumer.url}).json()["id"]
    answer = http.post(f"{PATH}/{ident}/test")
    assert answer.status_code == 202
    assert isinstance(service.queue, InMemoryQueue)
    deliverer.all(service.queue.messages[WEBHOOKS])
    assert [str(request.event_id) for request in consumer.requests] == [answer.json()["event_id"]]


def test_deliveries_are_listed_page_by_page(
    http: TestClient, service: Service, consumer: Consumer, happen: Record, deliverer: Deliverer
) -> None:
    ident = http.post(PATH, json={"url": consumer.url}).json()["id"]
    events = [str(happen()) for _ in range(5)]
    deliverer.all(fan_out(service))
    found, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = http.get(f"{PATH}/{ident}/deliveries", params=query).json()
        found += page["items"]
        cursor, pages = page["next_cursor"], pages + 1
    assert pages == 3
    assert sorted(one["event_id"] for one in found) == sorted(events)
    assert {one["attempts"][0]["status"] for one in found} == {204}


def test_a_cursor_of_another_list_is_refused(http: TestClient, service: Service, happen: Record) -> None:
    first, second = (http.post(PATH, json={"url": "https://example.com/"}).json()["id"] for _ in range(2))
    for _ in range(2):
        happen()
    fan_out(service)
    cursor = http.get(f"{PATH}/{first}/deliveries", params={"limit": 1}).json()["next_cursor"]
    for wrong in (cursor, "forged"):
        assert http.get(f"{PATH}/{second}/deliveries", params={"cursor": wrong}).status_code == 400


def test_replays_are_asked_for_by_id_or_by_time(http: TestClient, service: Service, happen: Record) -> None:
    ident = http.post(PATH, json={"url": "https://example.com/"}).json()["id"]
    event = happen()
    happen()
    fan_out(service)
    replay = f"{PATH}/{ident}/replay"
    assert http.post(replay, json={"event_id": str(event)}).json() == {"deliveries": 1}
    times = {"after": "2020-01-01T00:00:00Z", "before": "2120-01-01T00:00:00+02:00"}
    assert http.post(replay, json=times).json() == {"deliveries": 2}
    extremes = {"after": "0001-01-01T00:00:00+14:00", "before": "9999-12-31T23:59:59-14:00"}
    assert http.post(replay, json=extremes).json() == {"deliveries": 2}
    assert http.post(replay, json=times | {"event_id": str(event)}).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "https://example.com/", "secret": "mine"},
        {"url": "https://example.com/", "events": ["webhook.test"]},
        {"url": "https://example.com/", "description": "nul \x00"},
        {"url": "https://example.com/" + "a" * 2048},
    ],
)
def test_a_body_that_does_not_fit_is_refused(body: dict[str, object], http: TestClient) -> None:
    assert http.post(PATH, json=body).status_code == 422


def test_every_route_keeps_tenants_apart(calling: Calling, service: Service) -> None:
    ident = calling().post(PATH, json={"url": "https://example.com/"}).json()["id"]
    stranger = calling(add_tenant(service))
    one = f"{PATH}/{ident}"
    for method, path, body in (
        ("GET", one, None),
        ("PATCH", one, {"enabled": False}),
        ("DELETE", one, None),
        ("POST", f"{one}/rotate-secret", None),
        ("POST", f"{one}/test", None),
        ("GET", f"{one}/deliveries", None),
        ("POST", f"{one}/replay", {"event_id": str(uuid4())}),
    ):
        assert stranger.request(method, path, json=body).status_code == 404
    assert stranger.get(PATH).json() == {"items": []}


def test_a_key_without_the_scope_may_not(calling: Calling) -> None:
    assert calling(scope=Scope.WRITE).get(PATH).status_code == 403


def test_a_disabled_endpoint_is_not_tested(http: TestClient) -> None:
    ident = http.post(PATH, json={"url": "https://example.com/"}).json()["id"]
    http.patch(f"{PATH}/{ident}", json={"enabled": False})
    refused = http.post(f"{PATH}/{ident}/test")
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("endpoint-disabled")


def test_a_url_that_is_not_allowed_is_refused_without_saying_what_lies_behind(http: TestClient) -> None:
    for url in ("http://169.254.169.254/latest", "http://10.0.0.1/"):
        refused = http.post(PATH, json={"url": url})
        assert refused.status_code == 422
        assert refused.json()["detail"] == "The URL is not one that this service connects to."


def test_every_body_is_described(http: TestClient) -> None:
    described = http.get("/openapi.json").json()
    for name in ("NewEndpoint", "EndpointChanges", "Replay", "ReplayOne", "ReplayRange", "DeliveryPage"):
        assert name in described["components"]["schemas"]
