"""The Celery edge: three tasks, each a message with an id, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from celery import Celery, signals

from api.errors import TemporarilyUnavailable
from api.jobs.admission import admit
from api.queue import WEBHOOKS, task_name
from api.states import Pool
from api.webhooks.fan_out import fan_out
from workers.context import Context
from workers.execution import execute


def serve_pool(app: Celery, context: Context, pool: Pool) -> None:
    """Let a worker take the jobs of a pool."""

    @app.task(name=task_name(pool), ignore_result=True)
    def take(job_id: str) -> None:
        if execute(context, UUID(job_id), pool):
            move_on(context)

    signals.worker_shutting_down.connect(_stopper(context), weak=False)


def serve_webhooks(app: Celery, deliver: Callable[[UUID], None]) -> None:
    """Let a worker take deliveries."""

    @app.task(name=task_name(WEBHOOKS), ignore_result=True)
    def take(delivery_id: str) -> None:
        deliver(UUID(delivery_id))


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
