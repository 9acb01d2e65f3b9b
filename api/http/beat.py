"""Something that is done from time to time while a request is worked on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from fastapi.concurrency import run_in_threadpool

from api.errors import TemporarilyUnavailable
from api.logging import where

log = structlog.get_logger()


@asynccontextmanager
async def beating(act: Callable[[], None], every: float) -> AsyncIterator[None]:
    """Do something every so many seconds, whatever the block waits for; what fails is done again the next time."""
    task = asyncio.create_task(_beat(act, every))
    try:
        yield
    finally:
        task.cancel()


async def _beat(act: Callable[[], None], every: float) -> None:
    while True:
        await asyncio.sleep(every)
        try:
            await run_in_threadpool(act)
        except TemporarilyUnavailable:
            continue
        except Exception as error:  # noqa: BLE001 - the request that it is done for goes on
            log.error("request.beat_failed", error=type(error).__name__, where=where(error))  # noqa: TRY400
