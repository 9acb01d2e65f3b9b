"""What a worker does with a message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import RowMapping, func, update

from api.jobs.promotion import PROMOTED_AFTER, promote
from api.queue import InMemoryQueue, celery_app, task_name
from api.states import Pool, Priority
from api.tables import jobs
from tests.integration.workers.test_execution import succeeding
from workers import tasks
from workers.context import Context

if TYPE_CHECKING:
    from api.bootstrap import Service


def test_a_promoted_job_that_has_no_slot_waits_again(
    service: Service,
    queued: Callable[..., UUID],
    row_of: Callable[[UUID], RowMapping],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody claims it, so that nothing is counted, and it is promoted once more."""
    job, queue = queued(priority=Priority.BACKFILL), InMemoryQueue()
    with service.database.system() as connection:
        connection.execute(update(jobs).values(created_at=func.statement_timestamp() - 2 * PROMOTED_AFTER))
    app = celery_app("memory://")
    tasks.serve_pool(app, Context(service=service, work={Pool.PROCESS: succeeding}, scratch=tmp_path), Pool.PROCESS)
    take = app.tasks[task_name(Pool.PROCESS)]

    assert promote(service.database, queue, Pool.PROCESS) == 1
    monkeypatch.setattr(tasks, "is_for_kept_slot", lambda *_: True)
    take.apply(args=(str(job),), throw=True)
    row = row_of(job)
    assert (row["state"], row["admitted_at"], row["attempt"]) == ("queued", None, 0)

    assert promote(service.database, queue, Pool.PROCESS) == 1
    monkeypatch.setattr(tasks, "is_for_kept_slot", lambda *_: False)
    take.apply(args=(str(job),), throw=True)
    assert (row_of(job)["state"], row_of(job)["attempt"]) == ("succeeded", 1)
