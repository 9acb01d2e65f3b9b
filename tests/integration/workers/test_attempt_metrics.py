"""What is counted while a worker is at a job."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from logging import captureWarnings, getLogger
from pathlib import Path
from typing import TYPE_CHECKING, cast
from uuid import UUID

import pytest
import structlog
from prometheus_client import REGISTRY

from api import logging
from api.db import Database
from api.errors import TemporarilyUnavailable
from api.jobs.lease import Claim, claim
from api.states import Pool
from api.storage.memory import InMemoryStore
from workers.checkpoints import JobCheckpoints
from workers.context import Context
from workers.keeper import Keeper, Rhythm

if TYPE_CHECKING:
    from api.bootstrap import Service

MINUTE = timedelta(minutes=1)


def told(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"hansard_{name}_total", labels) or 0.0


def nobody(held: Claim) -> None:
    message = "the work was taken to hang"
    raise AssertionError(message)


@pytest.fixture
def held(service: Service, queued: Callable[..., UUID]) -> Claim:
    with service.database.system() as connection:
        found = claim(connection, queued(), Pool.PROCESS, "worker-1", MINUTE)
    assert found is not None
    return found


@pytest.fixture
def log() -> Iterator[StringIO]:
    stream, root = StringIO(), getLogger()
    before = (root.handlers[:], root.level)
    logging.configure(stream)
    yield stream
    captureWarnings(False)
    structlog.reset_defaults()
    root.handlers[:], root.level = before[0], before[1]


def test_work_that_need_not_be_done_again_is_counted(service: Service, held: Claim, tmp_path: Path) -> None:
    objects = InMemoryStore()
    context = Context(service=replace(service, objects=objects), work={}, scratch=tmp_path)
    keeper = Keeper(service.database, held, context.rhythm, context.stopping, nobody)
    checkpoints = JobCheckpoints(context=context, held=held, keeper=keeper, input_hash="a")

    def counts() -> list[float]:
        return [told("checkpoints", stage="embedding", outcome=outcome) for outcome in ("saved", "used", "damaged")]

    before = counts()
    assert checkpoints.load("embedding.1") is None
    checkpoints.save("embedding.1", b"vectors")
    assert checkpoints.load("embedding.1") == b"vectors"
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [1, 1, 0]


class Away:
    """A database that does not answer, and tells when it was asked."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def system(self) -> AbstractContextManager[object]:
        """Refuse."""
        self.asked.set()
        raise TemporarilyUnavailable


def test_a_heartbeat_that_fails_is_counted_and_told_with_the_ids_of_its_job(held: Claim, log: StringIO) -> None:
    away, rhythm = Away(), Rhythm(lease=MINUTE, heartbeat=timedelta(milliseconds=1), patience=MINUTE)
    before = told("heartbeat_failures", pool="process")
    with structlog.contextvars.bound_contextvars(job_id=str(held.job_id)):
        with Keeper(cast("Database", away), held, rhythm, threading.Event(), nobody):
            assert away.asked.wait(10)
        assert told("heartbeat_failures", pool="process") > before
    first = json.loads(log.getvalue().splitlines()[0])
    assert (first["event"], first["job_id"]) == ("heartbeat.failed", str(held.job_id))
