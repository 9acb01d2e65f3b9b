"""What the log says, and what it must not."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from api.logging import configure, where


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream, root = io.StringIO(), logging.getLogger()
    before = (root.handlers[:], root.level)
    configure(stream)
    yield stream
    logging.captureWarnings(False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:], root.level = before[0], before[1]


def events(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_an_event_is_a_line_of_json_with_the_ids_that_are_bound(log: io.StringIO) -> None:
    structlog.contextvars.bind_contextvars(request_id="r-1", job_id="j-1")
    structlog.get_logger().info("stage.done", stage="asr", seconds=1.5)
    (event,) = events(log)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "stage.done",
        "level": "info",
        "stage": "asr",
        "seconds": 1.5,
        "request_id": "r-1",
        "job_id": "j-1",
    }


def test_fields_that_are_not_on_the_list_are_left_out_and_named(log: io.StringIO) -> None:
    structlog.get_logger().info("stage.done", transcript="the secret", url="https://h/?token=secret", words=3)
    (event,) = events(log)
    assert "secret" not in log.getvalue()
    assert (event["words"], event["left_out"]) == (3, ["transcript", "url"])


def test_what_libraries_log_is_json_too(log: io.StringIO) -> None:
    logging.getLogger("library").warning("slow %s", "disk")
    (event,) = events(log)
    assert (event["event"], event["level"]) == ("slow disk", "warning")


def test_the_way_of_an_error_is_told_without_its_message() -> None:
    def fall(secret: str) -> None:
        message = f"secret {secret}"
        raise ValueError(message)

    try:
        fall("word")
    except ValueError as error:
        told = where(error)
    assert told[-1].endswith(" fall")
    assert "word" not in "".join(told)
