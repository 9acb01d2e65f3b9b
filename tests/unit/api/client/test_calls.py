"""Each method asks for what it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from api.client import Client
from tests.unit.api.client.service import Service

WHEN = datetime(2026, 5, 1, 8, 30, tzinfo=UTC)
HOOKS = "/v1/webhook-endpoints"
Call = Callable[[Client], Any]


@pytest.mark.parametrize(
    ("call", "request_line", "body"),
    [
        (lambda c: c.recording("r"), "GET /v1/recordings/r", None),
        (lambda c: c.delete("r"), "DELETE /v1/recordings/r", None),
        (lambda c: c.cancel("j"), "POST /v1/jobs/j/cancel", None),
        (lambda c: c.requeue("j"), "POST /v1/jobs/j/requeue", None),
        (lambda c: c.transcript("r", "srt"), "GET /v1/recordings/r/transcript?format=srt", None),
        (lambda c: c.webhooks.create("https://a", ["job.dead"]), f"POST {HOOKS}",
         {"url": "https://a", "events": ["job.dead"], "description": ""}),
        (lambda c: c.webhooks.get("e"), f"GET {HOOKS}/e", None),
        (lambda c: c.webhooks.change("e", events=[]), f"PATCH {HOOKS}/e", {"events": []}),
        (lambda c: c.webhooks.delete("e"), f"DELETE {HOOKS}/e", None),
        (lambda c: c.webhooks.rotate("e"), f"POST {HOOKS}/e/rotate-secret", None),
        (lambda c: c.webhooks.test("e"), f"POST {HOOKS}/e/test", None),
        (lambda c: c.webhooks.replay("e", "x"), f"POST {HOOKS}/e/replay", {"event_id": "x"}),
        (lambda c: c.webhooks.replay_range("e", after=WHEN, before=WHEN), f"POST {HOOKS}/e/replay",
         {"after": "2026-05-01T08:30:00+00:00", "before": "2026-05-01T08:30:00+00:00"}),
        (lambda c: c.keys.create("k", ["read"], expires_at=WHEN), "POST /v1/api-keys",
         {"name": "k", "scopes": ["read"], "expires_at": "2026-05-01T08:30:00+00:00"}),
        (lambda c: c.keys.create("k", ["read"], tenant_id="t"), "POST /v1/tenants/t/api-keys",
         {"name": "k", "scopes": ["read"]}),
        (lambda c: c.keys.revoke("k"), "DELETE /v1/api-keys/k", None),
        (lambda c: c.tenants.create("t", weight=2.0), "POST /v1/tenants", {"name": "t", "weight": 2.0}),
        (lambda c: c.tenants.update("t", source_buckets=[]), "PATCH /v1/tenants/t", {"source_buckets": []}),
    ],
)  # fmt: skip
def test_a_method_asks_for_what_it_says(call: Call, request_line: str, body: dict[str, Any] | None) -> None:
    service = Service(httpx.Response(200, json={"deliveries": 1}))
    with service.client() as client:
        call(client)
    assert service.asked == [request_line]
    assert (json.loads(service.requests[0].content) if body is not None else None) == body


@pytest.mark.parametrize(
    ("call", "query"),
    [
        (lambda c: c.jobs(state="dead"), "/v1/jobs?state=dead"),
        (
            lambda c: c.recordings(status="failed", created_after=WHEN, metadata={"a": "1", "b": "x"}),
            "/v1/recordings?status=failed&created_after=2026-05-01T08%3A30%3A00%2B00%3A00&metadata=a%3D1&metadata=b%3Dx",
        ),
        (lambda c: c.turns("r"), "/v1/recordings/r/turns?"),
        (lambda c: c.search("a b"), "/v1/search?q=a+b"),
        (lambda c: c.webhooks.deliveries("e"), f"{HOOKS}/e/deliveries?"),
        (lambda c: c.keys.list(), "/v1/api-keys?"),
        (lambda c: c.tenants.list(), "/v1/tenants?"),
    ],
)
def test_a_list_is_fetched_page_by_page_as_it_is_needed(call: Call, query: str) -> None:
    first = httpx.Response(200, json={"items": [{"id": 1}, {"id": 2}], "next_cursor": "more"})
    last = httpx.Response(200, json={"items": [{"id": 3}], "next_cursor": None})
    service = Service(first, last)
    with service.client() as client:
        items = call(client)
        assert [next(items), next(items)] == [{"id": 1}, {"id": 2}]
        assert len(service.requests) == 1
        assert list(items) == [{"id": 3}]
    begin = f"GET {query}{'' if query.endswith('?') else '&'}limit=100"
    assert service.asked == [begin, f"{begin}&cursor=more"]


def test_endpoints_are_listed_at_once() -> None:
    service = Service(httpx.Response(200, json={"items": [{"id": 1}]}))
    with service.client() as client:
        assert client.webhooks.list() == [{"id": 1}]
