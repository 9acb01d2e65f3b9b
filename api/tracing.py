"""Traces, from a request to the webhook that tells of its result.

OpenTelemetry's SDK is imported only where an endpoint is set. Across the queue goes nothing but ids, so a job's row
keeps the `traceparent` (W3C Trace Context) of its request. Spans say what logs may say (`api.logging.FIELDS`): no text,
no addresses, no names, and of errors only the kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Protocol

from api.logging import FIELDS
from api.settings import Settings
from pipeline.errors import HansardError, MissingDependency, PermanentError, TransientError

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as OpenTelemetrySpan

EXPORT_SECONDS: Final = 2.0
"""A batch of spans is not tried for longer: a process that ends sends the last ones (at most four batches) first, and
with the library's 10 s for each a collector that refuses delayed the end by 14 s."""
_PATH: Final = "/v1/traces"
_HEADER: Final = "traceparent"
_NAMES: Final[Mapping[str, str]] = {
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    "error": "error.type",
}
"""Fields that the semantic conventions of OpenTelemetry have names for; the others get `hansard.` in front."""


class Kind(StrEnum):
    """Which side of a conversation a span is on."""

    INTERNAL = "INTERNAL"
    SERVER = "SERVER"
    CLIENT = "CLIENT"
    CONSUMER = "CONSUMER"


class Span(Protocol):
    """Something that takes time, while it does."""

    def set(self, **fields: object) -> None:
        """Say more about it; of fields not in `api.logging.FIELDS` nothing is said."""

    def rename(self, name: str) -> None:
        """Call it otherwise."""

    def fail(self, error: str) -> None:
        """Mark it as failed, with the kind of error."""


class NoSpan:
    """What stands for a span where traces are off."""

    def set(self, **fields: object) -> None:
        """Say nothing."""

    def rename(self, name: str) -> None:
        """Call nothing otherwise."""

    def fail(self, error: str) -> None:
        """Mark nothing."""


@dataclass(slots=True)
class _Switch:
    on: _Tracing | None = None


NO_SPAN: Final = NoSpan()
_SWITCH: Final = _Switch()


def configure(settings: Settings, service_name: str) -> None:
    """Send spans of this process to `settings.otlp_endpoint`; without one, do nothing.

    They are sent from a thread, in batches; what a collector that does not answer makes of them delays no work. The
    variables of OpenTelemetry's own (`OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_HEADERS`, …) hold as well.

    Raises:
        MissingDependency: an endpoint is set, and the extra `tracing` is not installed.
    """
    if settings.otlp_endpoint is None:
        return
    sdk, export = _module("opentelemetry.sdk.trace"), _module("opentelemetry.sdk.trace.export")
    http = _module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    resource = _module("opentelemetry.sdk.resources").Resource.create(
        {"service.name": service_name, "service.version": version("hansard")}
    )
    provider = sdk.TracerProvider(resource=resource)
    exporter = http.OTLPSpanExporter(endpoint=settings.otlp_endpoint.rstrip("/") + _PATH, timeout=EXPORT_SECONDS)
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    switch_on(provider)


def switch_on(provider: TracerProvider) -> None:
    """Make spans with a provider, from now on."""
    _SWITCH.on = _Tracing(
        api=_module("opentelemetry.trace"),
        propagator=_module("opentelemetry.trace.propagation.tracecontext").TraceContextTextMapPropagator(),
        tracer=provider.get_tracer("hansard"),
    )


def switch_off() -> None:
    """Make no more spans."""
    _SWITCH.on = None


@contextmanager
def span(name: str, *, parent: str | None = None, kind: Kind = Kind.INTERNAL, **fields: object) -> Iterator[Span]:
    """Make a span of what happens inside, below the one that is open or below a `traceparent` from elsewhere.

    Below a `traceparent` that cannot be read it begins a trace of its own. An error that passes through is noted by its
    slug, or its type where it is not one of ours.
    """
    tracing = _SWITCH.on
    if tracing is None:
        yield NO_SPAN
        return
    with tracing.span(name, parent, kind) as opened:
        opened.set(**fields)
        try:
            yield opened
        except BaseException as error:
            note_error(opened, error)
            raise


def record(name: str, began: int, ended: int, *, parent: str | None, error: BaseException | None = None,
           **fields: object) -> None:  # fmt: skip
    """Make a span of what has happened already; times in nanoseconds since 1970."""
    tracing = _SWITCH.on
    if tracing is None:
        return
    made = tracing.tracer.start_span(name, tracing.context(parent), start_time=began)
    wrapped = _Wrapped(made, tracing)
    wrapped.set(**fields)
    if error is not None:
        note_error(wrapped, error)
    made.end(ended)


def note_error(opened: Span, error: BaseException) -> None:
    """Say what kind of error ended a span. That a job was cancelled or its worker stopped is no fault."""
    if not isinstance(error, HansardError):
        opened.fail(type(error).__name__)
    elif isinstance(error, PermanentError | TransientError):
        opened.fail(error.slug)
    else:
        opened.set(error=error.slug)


def traceparent() -> str | None:
    """What to hand to whoever goes on with the trace elsewhere; None where there is no trace."""
    if _SWITCH.on is None:
        return None
    carrier: dict[str, str] = {}
    _SWITCH.on.propagator.inject(carrier)
    return carrier.get(_HEADER)


def log_fields() -> Mapping[str, str]:
    """The trace's id, for events of the log."""
    found = traceparent()
    return {} if found is None else {"trace_id": found.split("-")[1]}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tracing:
    """OpenTelemetry, once it is loaded."""

    api: Any
    propagator: Any
    tracer: Any

    @contextmanager
    def span(self, name: str, parent: str | None, kind: Kind) -> Iterator[_Wrapped]:
        # What an exception says may be what somebody said: it is not recorded.
        start: Callable[..., Any] = partial(
            self.tracer.start_as_current_span, record_exception=False, set_status_on_exception=False
        )
        with start(name, self.context(parent), kind=self.api.SpanKind[kind]) as made:
            yield _Wrapped(made, self)

    def context(self, parent: str | None) -> Context | None:
        """The context of a `traceparent`; for none, that of the span that is open."""
        return None if parent is None else self.propagator.extract({_HEADER: parent})


class _Wrapped:
    """A span of OpenTelemetry that says only what may be said."""

    def __init__(self, made: OpenTelemetrySpan, tracing: _Tracing) -> None:
        self._made, self._tracing = made, tracing

    def set(self, **fields: object) -> None:
        for name, value in fields.items():
            if name in FIELDS and value is not None:
                plain = value if isinstance(value, bool | int | float) else str(value)
                self._made.set_attribute(_NAMES.get(name, f"hansard.{name}"), plain)

    def rename(self, name: str) -> None:
        self._made.update_name(name)

    def fail(self, error: str) -> None:
        self.set(error=error)
        self._made.set_status(self._tracing.api.StatusCode.ERROR)


def _module(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        message = 'HANSARD_OTLP_ENDPOINT needs OpenTelemetry; run: pip install "hansard[tracing]"'
        raise MissingDependency(message) from error
