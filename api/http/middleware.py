"""Around every request: its id, its event in the log, its place in the metrics, and an answer whatever happens."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from typing import Final

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils.compat import uuid7

from api import tracing
from api.http.problems import INTERNAL, problem, response
from api.logging import where
from api.tracing import Kind, Span

REQUEST_ID: Final = "x-request-id"
TRACEPARENT: Final = "traceparent"
QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds: neither logged nor traced."""
METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
CLIENT_GONE: Final = 499
"""The status of a request whose client did not wait for the answer, as nginx has it."""
SERVER_ERRORS: Final = 500
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
log = structlog.get_logger()
REQUESTS: Final = Counter("hansard_http_requests", "Requests answered.", ("method", "route", "status"))
SECONDS: Final = Histogram(
    "hansard_http_request_seconds",
    "From the first byte of a request to the last of its answer.",
    ("method", "route"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0, 300.0),
)


class Around:
    """Outermost layer, in plain ASGI: bodies stream through it untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        answer = _Answer(send, request_id)
        with _span(scope) as span:
            structlog.contextvars.bind_contextvars(**tracing.log_fields())
            await self._handle(scope, receive, answer, span)

    async def _handle(self, scope: Scope, receive: Receive, answer: _Answer, span: Span) -> None:
        began = perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            # Nobody's mistake, and nobody is there to be answered.
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told that it is not at fault
            log.error("request.failed", error=type(error).__name__, where=where(error))  # noqa: TRY400 - the message may hold what somebody said
            span.fail(type(error).__name__)
            if answer.status is None:
                told = problem(INTERNAL, "try again; if it stays, report the request id", answer.request_id)
                await response(told)(scope, receive, answer.send)
        finally:
            _observe(scope, span, answer.status or CLIENT_GONE, perf_counter() - began)


class _Answer:
    """Adds the request's id to an answer, and remembers its status."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[REQUEST_ID] = self.request_id
        await self._send(message)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(REQUEST_ID, "")
    return given if _ID.fullmatch(given) else str(uuid7())


def _span(scope: Scope) -> AbstractContextManager[Span]:
    """A span of the request, part of the client's trace where it says that there is one."""
    if scope["path"] in QUIET:
        return nullcontext(tracing.NO_SPAN)
    parent = Headers(scope=scope).get(TRACEPARENT)
    return tracing.span("request", parent=parent, kind=Kind.SERVER, request_id=scope["state"]["request_id"])


def _observe(scope: Scope, span: Span, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "none")
    # Anyone may make up a method or a path; what is counted must not grow by that.
    method = scope["method"] if route != "none" and scope["method"] in METHODS else "any"
    REQUESTS.labels(method, route, str(status)).inc()
    SECONDS.labels(method, route).observe(seconds)
    span.rename(f"{method} {route}")
    span.set(method=method, route=route, status=status)
    if status >= SERVER_ERRORS:
        span.fail(str(status))
    if route not in QUIET:
        log.info("request", method=method, route=route, status=status, seconds=round(seconds, 4))
