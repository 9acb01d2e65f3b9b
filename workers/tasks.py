"""The Celery edge: three tasks, each a message with an id, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from celery import Celery, Task, signals

from api.errors import TemporarilyUnavailable
from api.jobs.admission import admit, wait_again
from api.queue import WEBHOOKS, task_name
from api.states import Pool
from api.webhooks.fan_out import fan_out
from workers.context import Context
from workers.execution import execute
from workers.lanes import is_for_kept_slot


def serve_pool(app: Celery, context: Context, pool: Pool) -> None:
    """Let a worker take the jobs of a pool."""

    @app.task(name=task_name(pool), ignore_result=True, bind=True)
    def take(task: Task[[str], None], job_id: str) -> None:
        if is_for_kept_slot(task.request, app.conf.worker_concurrency):
            put_back(context, UUID(job_id))
        elif execute(context, UUID(job_id), pool):
            move_on(context)

    signals.worker_shutting_down.connect(_stopper(context), weak=False)


def serve_webhooks(app: Celery, deliver: Callable[[UUID], None]) -> None:
    """Let a worker take deliveries."""

    @app.task(name=task_name(WEBHOOKS), ignore_result=True)
    def take(delivery_id: str) -> None:
        deliver(UUID(delivery_id))


def put_back(context: Context, job: UUID) -> None:
    """Let a job whose message was taken wait again: it is promoted anew, and another worker may have room for it."""
    with suppress(TemporarilyUnavailable), context.service.database.system() as connection:
        wait_again(connection, [job])


def move_on(context: Context) -> None:
    """Send what a job that was left makes room for, at once; the dispatcher's next round finds what this misses."""
    service = context.service
    with suppress(TemporarilyUnavailable):
        admit(service.database, service.queue, Pool, service.settings.window)
        fan_out(service)


def _stopper(context: Context) -> Callable[..., None]:
    def stop(**_: object) -> None:
        context.stopping.set()

    return stop
