"""Progress as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from api.errors import NotFound, TemporarilyUnavailable
from api.http.following import QUIET_STEPS, WAITING_STEPS, follow
from api.http.schemas import Job
from api.http.stopping import Stopping

ROW: dict[str, Any] = {
    "id": uuid4(),
    "recording_id": uuid4(),
    "previous_id": None,
    "state": "running",
    "pool": "process",
    "stage": "asr",
    "progress": 0.5,
    "elapsed": 10.0,
    "priority": "interactive",
    "attempt": 1,
    "options": {},
    "error_type": None,
    "error_detail": None,
    "cancel_requested_at": None,
    "created_at": datetime(2024, 1, 1, tzinfo=UTC),
    "queued_at": None,
    "started_at": None,
    "finished_at": None,
}


def job(**values: Any) -> Job:
    return Job.of(ROW | values)


def reading(*answers: Job | Exception) -> Callable[[], Job]:
    left: Iterator[Job | Exception] = iter(answers)

    def read() -> Job:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return read


def told(first: Job, *answers: Job | Exception) -> list[tuple[str, dict[str, Any]]]:
    async def collect() -> str:
        following = follow(first, reading(*answers), "r-1", Stopping(), step=0.0)
        return b"".join([event async for event in following]).decode()

    events = []
    for block in asyncio.run(collect()).split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in lines:
            events.append((lines["event"], json.loads(lines["data"])))
    return events


def test_a_job_is_followed_to_its_end() -> None:
    events = told(job(), job(progress=0.7), job(progress=0.7), job(state="succeeded", progress=1.0))
    assert [(name, data["progress"]) for name, data in events] == [
        ("progress", 0.5),
        ("progress", 0.7),
        ("progress", 1.0),
        ("end", 1.0),
    ]


def test_time_that_passes_is_no_news() -> None:
    events = told(job(), job(elapsed=20.0), job(state="failed", error_type="no-audio-stream"))
    assert [name for name, _ in events] == ["progress", "progress", "end"]
    assert events[-1][1]["error"] == {"type": "no-audio-stream", "detail": None}


def test_a_database_that_is_down_for_a_moment_ends_nothing() -> None:
    assert [name for name, _ in told(job(), TemporarilyUnavailable(), job(state="cancelled"))][-1] == "end"


def test_a_job_that_is_gone_ends_with_a_problem() -> None:
    name, data = told(job(), NotFound())[-1]
    assert (name, data["type"], data["request_id"]) == ("error", "urn:hansard:problem:not-found", "r-1")


def test_a_quiet_connection_is_kept_awake() -> None:
    async def collect() -> list[bytes]:
        same = [job()] * QUIET_STEPS
        return [event async for event in follow(job(), reading(*same, job(state="succeeded")), None, Stopping(), 0.0)]

    assert b": still there\n\n" in asyncio.run(collect())


@pytest.mark.parametrize(("state", "steps"), [("running", 1), ("queued", WAITING_STEPS)])
def test_a_job_that_waits_is_looked_at_less_often(state: str, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("api.http.following.asyncio.sleep", sleep)
    told(job(state=state), job(state=state), job(state="succeeded"))
    assert len(slept) == 2 * steps


@pytest.mark.parametrize("state", ["running", "queued"])
def test_a_stream_ends_within_a_step_when_the_server_stops(state: str) -> None:
    stopping = Stopping()

    async def collect() -> list[bytes]:
        events: list[bytes] = []
        async for event in follow(job(state=state), reading(), None, stopping, 0.0):
            events.append(event)
            stopping.tell()
        return events

    events = asyncio.run(collect())
    assert [event.split(b"\n")[0] for event in events[1:]] == [b"event: progress", b": the server stops; ask again"]
