"""Log events as JSON, one a line. What may be said is a list: text of people, names of files and queries stay out."""

from __future__ import annotations

import logging
import sys
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

FIELDS: Final = frozenset(
    {
        *("event", "level", "timestamp", "logger"),
        *("request_id", "trace_id", "tenant_id", "job_id", "recording_id", "event_id", "endpoint_id", "delivery_id"),
        *("method", "route", "status", "seconds", "bytes"),
        *("pool", "stage", "state", "attempt", "fence", "worker", "priority", "outcome", "count", "depth"),
        *("audio_seconds", "realtime_factor", "progress", "model", "device", "batch_size", "speakers", "words"),
        *("error", "where", "part", "signal", "pid", "version", "host", "port"),
    }
)
"""Fields that events may have. Any other is left out, and named in `left_out`."""
_DEPTH: Final = 12


def configure(stream: TextIO = sys.stderr, level: int = logging.INFO) -> None:
    """Write events of structlog, and what libraries log, to a stream."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        allow_listed,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logging.captureWarnings(True)  # noqa: FBT003 - the library's own form
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def allow_listed(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:  # noqa: ARG001 - structlog's form
    """Leave out what is not in `FIELDS`; a processor of structlog."""
    kept: dict[str, Any] = {name: value for name, value in event.items() if name in FIELDS or name.startswith("_")}
    left_out = sorted(name for name in event if name not in kept)
    return kept | {"left_out": left_out} if left_out else kept


def where(error: BaseException) -> list[str]:
    """The path of an error through the code, innermost last, without what was in its variables or its message."""
    frames, step = list[str](), error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        frames.append(f"{code.co_filename}:{step.tb_lineno} {code.co_name}")
        step = step.tb_next
    return frames[-_DEPTH:]
