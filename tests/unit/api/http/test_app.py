"""What holds for every request."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from api.errors import OwnershipLost
from api.http.app import create_app
from api.http.problems import MEDIA_TYPE
from tests.conftest import REPOSITORY
from tests.unit.api.http.applications import unconnected

HEAVY = {"torch", "ctranslate2", "faster_whisper", "av", "scipy", "soxr", "matplotlib"}


@pytest.fixture
def app() -> FastAPI:
    return create_app(unconnected())


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as made:
        yield made


def test_the_application_loads_no_model_library() -> None:
    script = f"import sys, api.http.app, api.http.server; print(sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.strip() == "[]"


def test_a_process_is_alive_without_its_database(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


def test_a_request_has_an_id_that_a_client_may_choose(client: TestClient) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "my-1"}).headers["x-request-id"] == "my-1"
    made = client.get("/healthz").headers["x-request-id"]
    assert len(made) == 36


@pytest.mark.parametrize("chosen", ["", "a b", "x" * 65, "a/b", '{"a":1}', "é"])
def test_an_id_that_would_spoil_a_log_is_replaced(client: TestClient, chosen: str) -> None:
    assert len(client.get("/healthz", headers={b"X-Request-ID": chosen.encode()}).headers["x-request-id"]) == 36


def test_an_address_that_leads_nowhere_is_a_problem(client: TestClient) -> None:
    answer = client.get("/v2", headers={"X-Request-ID": "r-1"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, MEDIA_TYPE)
    assert (answer.json()["type"], answer.json()["request_id"]) == ("urn:hansard:problem:not-found", "r-1")


def test_a_method_that_is_not_taken_is_a_problem_with_those_that_are(client: TestClient) -> None:
    answer = client.put("/healthz")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.json()["type"] == "urn:hansard:problem:method-not-allowed"


def test_a_mistake_of_ours_tells_nothing_of_itself(app: FastAPI, client: TestClient) -> None:
    @app.get("/broken")
    def broken() -> None:
        message = "the secret"
        raise RuntimeError(message)

    answer = client.get("/broken")
    assert (answer.status_code, answer.headers["content-type"]) == (500, MEDIA_TYPE)
    assert answer.json()["type"] == "urn:hansard:problem:internal-error"
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


def test_a_client_that_does_not_wait_is_nobodys_mistake(app: FastAPI, client: TestClient) -> None:
    @app.post("/swallow")
    async def swallow(request: Request) -> None:
        await request.body()

    sent: list[Message] = []
    with capture_logs() as said:
        asyncio.run(app(_scope("/swallow"), _receiving({"type": "http.disconnect"}), _keeping(sent)))
    assert sent == []
    assert [(one["event"], one["status"]) for one in said] == [("request", 499)]
    assert 'route="/swallow",status="499"' in client.get("/metrics").text


def _scope(path: str) -> Scope:
    return {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": [], "app": None}


def _receiving(*messages: Message) -> Receive:
    left = iter(messages)

    async def receive() -> Message:
        return next(left)

    return receive


def _keeping(sent: list[Message]) -> Send:
    async def send(message: Message) -> None:
        sent.append(message)

    return send


def test_an_error_that_no_request_should_end_with_is_logged(app: FastAPI, client: TestClient) -> None:
    @app.get("/lost")
    def lost() -> None:
        message = "the secret"
        raise OwnershipLost(message)

    with capture_logs() as said:
        assert client.get("/lost").json()["type"] == "urn:hansard:problem:internal-error"
    (told,) = (one for one in said if one["log_level"] == "error")
    assert (told["event"], told["error"]) == ("request.unforeseen", "ownership-lost")
    assert told["where"][-1].endswith(" lost")
    assert "secret" not in str(said)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic YTpi",
        "hs_live_abcdefghijkl_" + "a" * 43,
        "Bearer hs_live_ABCDEFGHIJKL_" + "a" * 43,
        "Bearer hs_live_abcdefghijkl_" + "a" * 42,
        "Bearer hs_test_abcdefghijkl_" + "a" * 43,
        "Bearer hs_live_abcdefghijkl_" + "é" * 43,
    ],
)
def test_a_malformed_key_is_refused_without_a_question_to_the_database(client: TestClient, header: str | None) -> None:
    """The database of this application would not answer."""
    headers = {} if header is None else {b"Authorization": header.encode()}
    answer = client.get("/v1/jobs", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["detail"] == "The API key is missing, malformed, revoked or expired."


def test_without_its_database_it_asks_clients_to_come_back(client: TestClient) -> None:
    answer = client.get("/v1/jobs", headers={"Authorization": "Bearer hs_live_abcdefghijkl_" + "a" * 43})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["type"] == "urn:hansard:problem:temporarily-unavailable"


def test_it_is_not_ready_without_its_database(client: TestClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["detail"].endswith(": database")


def test_metrics_count_requests_by_route_and_not_by_address(client: TestClient) -> None:
    client.get("/v1/jobs/some-id")
    client.get("/no/such/address")
    client.request("BREW", "/v1/jobs/some-id")
    told = client.get("/metrics").text
    assert "BREW" not in told
    assert 'hansard_http_requests_total{method="GET",route="/v1/jobs/{job_id}",status="401"}' in told
    assert "some-id" not in told
    assert "such" not in told


def test_every_operation_has_a_name_of_its_own_and_says_what_can_go_wrong(app: FastAPI) -> None:
    operations = [one for methods in app.openapi()["paths"].values() for one in methods.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    secured = [one for one in operations if "security" in one]
    assert len(secured) == len(operations) - 3  # health, readiness, metrics
    assert all({"401", "403", "422", "429", "503"} <= one["responses"].keys() for one in secured)
