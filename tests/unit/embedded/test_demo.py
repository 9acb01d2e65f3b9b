from __future__ import annotations

from contextlib import suppress

import httpx

from embedded.consumer import Consumer
from embedded.demo import DESCRIPTION, registered
from embedded.errors import DemoFailed
from tests.unit.api.client.service import Service

ENDPOINT = {"id": "e-1", "secret": "whsec_made", "description": DESCRIPTION}
NONE = httpx.Response(200, json={"items": []})
MADE = httpx.Response(201, json=ENDPOINT)
GONE = httpx.Response(204)


def test_a_demonstration_leaves_no_endpoint_behind() -> None:
    """Also where it fails. Its data is kept, and a tenant has no more than a hundred endpoints."""
    service, listening = Service(NONE, MADE, GONE), Consumer("http://127.0.0.1:1/events")
    with suppress(DemoFailed), registered(service.client(), listening) as endpoint:
        assert (endpoint, listening.secret) == ("e-1", "whsec_made")
        raise DemoFailed
    assert service.asked[-1] == "DELETE /v1/webhook-endpoints/e-1"


def test_endpoints_of_demonstrations_that_were_cut_off_go_and_those_of_others_stay() -> None:
    others = {"id": "e-0", "description": "ours"}
    left = httpx.Response(200, json={"items": [ENDPOINT | {"id": "e-9"}, others]})
    service = Service(left, GONE, MADE, GONE)
    with registered(service.client(), Consumer("http://127.0.0.1:1/events")):
        pass
    assert service.asked == [
        "GET /v1/webhook-endpoints",
        "DELETE /v1/webhook-endpoints/e-9",
        "POST /v1/webhook-endpoints",
        "DELETE /v1/webhook-endpoints/e-1",
    ]
