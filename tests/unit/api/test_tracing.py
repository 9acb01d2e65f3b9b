"""What traces tell, and that they cost nothing where they are off."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind, StatusCode

from api import tracing
from api.errors import InvalidSettings, JobCancelled, TemporarilyUnavailable
from api.http.app import create_app
from api.http.middleware import Around
from api.settings import Settings
from api.webhooks.secrets import make_key
from pipeline.errors import CorruptMedia, MissingDependency
from tests.conftest import REPOSITORY
from tests.unit.api.http.applications import unconnected
from tests.unit.api.spans import Spans, id_of, parent_of, trace_of, traced

NEEDED = {
    "HANSARD_DATABASE_URL": "postgresql://h/d",
    "HANSARD_REDIS_URL": "redis://h",
    "HANSARD_SECRET_KEYS": make_key(),
}
ENDPOINT = "HANSARD_OTLP_ENDPOINT"
CLIENTS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
"""A client's traceparent, as the W3C's recommendation shows one."""


@pytest.fixture
def spans() -> Iterator[Spans]:
    with traced() as kept:
        yield kept


@pytest.fixture
def client() -> TestClient:
    """An application that hands out what a job's row would keep, and one route that fails."""
    app = FastAPI()
    app.add_middleware(Around)

    @app.get("/jobs/{job}")
    def submit(job: str) -> str | None:
        return tracing.traceparent()

    @app.get("/failing")
    def fail() -> None:
        message = "what somebody said"
        raise ZeroDivisionError(message)

    @app.get("/healthz")
    def healthz() -> str | None:
        return tracing.traceparent()

    return TestClient(app, raise_server_exceptions=False)


def test_one_trace_leads_from_the_request_to_the_webhook(client: TestClient, spans: Spans) -> None:
    kept = client.get("/jobs/7?secret=1").json()
    with tracing.span("job.ingest", parent=kept), tracing.span("stage.fetch", stage="fetch"):
        pass
    with tracing.span("webhook", parent=kept, kind=tracing.Kind.CLIENT):
        pass
    request = spans.named("GET /jobs/{job}")
    assert {trace_of(span) for span in spans.all()} == {trace_of(request)}
    assert parent_of(spans.named("job.ingest")) == parent_of(spans.named("webhook")) == id_of(request)
    assert parent_of(spans.named("stage.fetch")) == id_of(spans.named("job.ingest"))
    assert (request.kind, spans.named("webhook").kind) == (SpanKind.SERVER, SpanKind.CLIENT)


def test_a_request_says_its_route_and_status_and_not_its_address(client: TestClient, spans: Spans) -> None:
    client.get("/jobs/7?secret=1", headers={"X-Request-ID": "r-1"})
    (request,) = spans.all()
    assert request.attributes == {
        "http.request.method": "GET",
        "http.route": "/jobs/{job}",
        "http.response.status_code": 200,
        "hansard.request_id": "r-1",
    }
    assert "secret" not in request.to_json()


def test_a_client_that_traces_has_the_request_in_its_own_trace(client: TestClient, spans: Spans) -> None:
    client.get("/jobs/7", headers={"traceparent": CLIENTS})
    (request,) = spans.all()
    assert f"{trace_of(request):032x}" == CLIENTS.split("-")[1]
    assert parent_of(request) == int(CLIENTS.split("-")[2], 16)


@pytest.mark.parametrize("given", ["", "00", "x" * 10_000, CLIENTS.replace("0af", "xyz"), f"ff{CLIENTS[2:]}"])
def test_a_traceparent_that_cannot_be_read_begins_a_new_trace(client: TestClient, spans: Spans, given: str) -> None:
    assert client.get("/jobs/7", headers={"traceparent": given}).status_code == 200
    assert parent_of(spans.named("GET /jobs/{job}")) is None


def test_a_client_that_does_not_want_to_be_traced_is_not(client: TestClient, spans: Spans) -> None:
    kept = client.get("/jobs/7", headers={"traceparent": f"{CLIENTS[:-1]}0"}).json()
    with tracing.span("job.ingest", parent=kept):
        pass
    assert spans.all() == ()


def test_probes_are_not_traced(client: TestClient, spans: Spans) -> None:
    assert client.get("/healthz").json() is None
    assert spans.all() == ()


def test_a_request_that_fails_says_with_what_kind_of_error(client: TestClient, spans: Spans) -> None:
    assert client.get("/failing").status_code == 500
    (request,) = spans.all()
    assert request.status.status_code is StatusCode.ERROR
    assert "what somebody said" not in request.to_json()


@pytest.mark.parametrize(
    ("error", "kind", "fault"),
    [
        (CorruptMedia("call of Mr Smith.wav is damaged"), "corrupt-media", True),
        (TemporarilyUnavailable("no answer from 10.1.2.3"), "temporarily-unavailable", True),
        (ValueError("Mr Smith said so"), "ValueError", True),
        (JobCancelled(), "cancelled", False),
    ],
)
def test_an_error_is_noted_by_its_kind_and_not_by_its_message(
    spans: Spans, error: Exception, kind: str, fault: bool
) -> None:
    with pytest.raises(type(error)), tracing.span("job.process"):
        raise error
    (found,) = spans.all()
    assert dict(found.attributes or {}) == {"error.type": kind}
    assert (found.status.status_code is StatusCode.ERROR) == fault
    assert (found.events, found.status.description) == ((), None)


def test_fields_that_logs_may_not_have_are_left_out(spans: Spans) -> None:
    fields: dict[str, Any] = {"words": 3, "url": "https://h/?token=1", "transcript": "hello", "model": None}
    with tracing.span("job.process", **fields):
        pass
    (found,) = spans.all()
    assert found.attributes == {"hansard.words": 3}


def test_the_log_names_the_trace(spans: Spans) -> None:
    assert tracing.log_fields() == {}
    with tracing.span("job.process"):
        told = tracing.log_fields()
    assert told == {"trace_id": f"{trace_of(spans.all()[0]):032x}"}


def test_nothing_is_made_where_traces_are_off() -> None:
    with tracing.span("job.process", parent=CLIENTS) as opened:
        opened.set(words=3)
        opened.rename("other")
        opened.fail("corrupt-media")
        assert opened is tracing.NO_SPAN
        assert tracing.traceparent() is None


def test_without_an_endpoint_nothing_of_the_library_is_imported() -> None:
    assert imported("pass") == set()


@pytest.mark.parametrize("process", ["api.http.server", "workers.serving"])
def test_without_an_endpoint_no_process_can_export(process: str) -> None:
    """FastAPI and redis-py import what is installed of the library for themselves; an exporter is none of it."""
    assert not {name for name in imported(f"import {process}") if "exporter" in name}


def imported(modules: str) -> set[str]:
    """What is loaded of OpenTelemetry once tracing was configured without an endpoint."""
    script = (
        f"{modules}; import sys; from api import tracing; from api.settings import Settings;"
        f"tracing.configure(Settings.from_mapping({NEEDED}), 'hansard-api');"
        "print(*(name for name in sys.modules if name.startswith('opentelemetry')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    return set(done.stdout.split())


def test_the_frameworks_own_telemetry_stays_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would say what exceptions and bodies hold, wherever something else in the process sets a provider."""
    monkeypatch.setattr("fastapi.telemetry._asgi._unconfigured", lambda _: False)
    assert FastAPI()._native_telemetry.enabled()
    assert not create_app(unconnected())._native_telemetry.enabled()


def test_an_endpoint_without_the_library_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(tracing, "import_module", missing)
    settings = Settings.from_mapping(NEEDED | {ENDPOINT: "http://collector:4318"})
    with pytest.raises(MissingDependency, match=r'pip install "hansard\[tracing\]"'):
        tracing.configure(settings, "hansard-api")


@pytest.mark.parametrize(
    "wrong", ["collector:4318", "grpc://collector:4317", "http://", "http://h/?key=1", "http://u:p@h"]
)
def test_an_endpoint_that_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidSettings, match=ENDPOINT):
        Settings.from_mapping(NEEDED | {ENDPOINT: wrong})


class Collector(BaseHTTPRequestHandler):
    """Takes whatever is posted."""

    received: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        """Keep it."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.received.append((self.path, body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_spans_reach_the_collector_under_the_name_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[TracerProvider] = []
    monkeypatch.setattr(tracing, "switch_on", made.append)
    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            endpoint = f"http://127.0.0.1:{server.server_port}/"
            tracing.configure(Settings.from_mapping(NEEDED | {ENDPOINT: endpoint}), "hansard-ingest")
            made[0].get_tracer("test").start_span("job.ingest").end()
            made[0].force_flush()
        finally:
            made[0].shutdown()
            server.shutdown()
            thread.join()
    ((path, body),) = Collector.received
    assert path == "/v1/traces"
    assert b"hansard-ingest" in body
    assert b"job.ingest" in body
