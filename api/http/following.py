"""A job's progress as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from fastapi.concurrency import run_in_threadpool

from api.errors import TemporarilyUnavailable
from api.http.problems import of_error
from api.http.schemas import Job
from api.states import TERMINAL, JobState
from pipeline.errors import HansardError

STEP_SECONDS: Final = 0.5
"""So soon it is noticed that the server stops, and what a running job does."""
WAITING_STEPS: Final = 4
"""Between two looks at a job that does not run: 2 s. Many more jobs wait than run."""
QUIET_STEPS: Final = 30
"""Without news before a comment is sent: 15 s keep proxies from taking the connection for dead."""


async def follow(
    job: Job,
    read: Callable[[], Job],
    request_id: str | None,
    stopping: Callable[[], bool],
    step: float = STEP_SECONDS,
) -> AsyncIterator[bytes]:
    """Events from a job as it stands to its end, or until the server stops: then the client has to ask again.

    Between two looks neither a thread nor a connection is held.
    """
    yield b": a job's progress\nretry: 2000\n\n"
    quiet = 0
    told: Job | None = None
    while True:
        if told is None or _news(told, job):
            told, quiet = job, 0
            yield _event("progress", job.model_dump_json())
        if job.state in TERMINAL:
            yield _event("end", job.model_dump_json())
            return
        for _ in range(1 if job.state == JobState.RUNNING else WAITING_STEPS):
            await asyncio.sleep(step)
            if stopping():
                yield b": the server stops; ask again\n\n"
                return
            quiet += 1
            if quiet % QUIET_STEPS == 0:
                yield b": still there\n\n"
        try:
            job = await run_in_threadpool(read)
        except TemporarilyUnavailable:
            continue
        except HansardError as error:
            yield _event("error", of_error(error, request_id).model_dump_json())
            return


def _news(told: Job, job: Job) -> bool:
    same = {"eta_seconds"}
    return told.model_dump(exclude=same) != job.model_dump(exclude=same)


def _event(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()
