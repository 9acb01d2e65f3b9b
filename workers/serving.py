"""The processes of the service that are not the API."""

from __future__ import annotations

import random
import signal
import threading
from contextlib import suppress
from typing import Final
from uuid import UUID

import structlog
from celery import Celery, signals
from celery.worker.consumer import Consumer
from prometheus_client import start_http_server

from api import tracing
from api.bootstrap import Service
from api.errors import TemporarilyUnavailable
from api.outbound.client import OutboundClient
from api.outbound.rules import url_rules
from api.queue import WEBHOOKS, celery_app
from api.settings import Settings
from api.states import Pool
from api.storage.foreign import ForeignBuckets
from pipeline.memory_budget import MemoryBudget, budget_bytes
from workers.context import Context, Work
from workers.delivery import deliver
from workers.dispatcher import Dispatcher
from workers.lanes import KeepSlot
from workers.scratch import scratch_folder
from workers.tasks import serve_pool, serve_webhooks

LOOK_SECONDS: Final = 0.02


def serve_dispatcher(service: Service, *, metrics_port: int | None) -> None:
    """Run the dispatcher until SIGTERM or SIGINT."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    tracing.configure(service.settings, "hansard-dispatcher")
    _serve_metrics(metrics_port)
    Dispatcher(service=service).run(stopping)


def serve_worker(service: Service, queue: str, *, concurrency: int | None, metrics_port: int | None) -> None:
    """Run a Celery worker of one queue until SIGTERM, then let go of its jobs and end.

    `concurrency` None: one at once; of the process queue so many that cores have work while one is decoded or stored,
    and that an interactive job finds a slot (`take_tasks`).
    """
    tracing.configure(service.settings, f"hansard-{queue}")
    app = celery_app(service.settings.redis_url.get_secret_value())
    with scratch_folder() as scratch:
        if queue == WEBHOOKS:
            _serve_deliveries(app, service)
        else:
            pool = Pool(queue)
            context = Context(service=service, work={pool: _work(pool, service.settings)}, scratch=scratch)
            serve_pool(app, context, pool)
        _serve_metrics(metrics_port)
        take_tasks(app, queue, concurrency=concurrency or _slots(queue, service.settings))


def take_tasks(app: Celery, queue: str, *, concurrency: int) -> None:
    """Run Celery on one queue in this process, until SIGTERM.

    No message waits in a worker that is busy: another one may be free, and what is killed takes along one job, not two.
    Where there are several slots, one is for messages of the first lane alone.
    """
    app.steps["consumer"].add(KeepSlot)
    app.conf.worker_disable_prefetch = True
    app.conf.worker_concurrency = concurrency
    signals.worker_ready.connect(_look_often, weak=False)
    # Celery sets up no logging of its own beside ours when somebody listens here.
    signals.setup_logging.connect(_keep_logging, weak=False)
    app.worker_main(
        # One process: models are loaded once, and torch does not survive a fork.
        [
            *("worker", "--pool", "threads", "--concurrency", str(concurrency), "--queues", queue),
            *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"),
        ]
    )


def _slots(queue: str, settings: Settings) -> int:
    """Jobs of a queue that a worker has at once, unless said."""
    if queue != Pool.PROCESS:
        return 1
    from workers.transcriber import places_of  # noqa: PLC0415 - only this worker has models

    return places_of(settings) + 2


def _keep_logging(**_: object) -> None:
    """Leave logging as `api.logging` has set it up."""


def _look_often(sender: Consumer, **_: object) -> None:
    """Let Celery's loop look for the next message soon after a task has ended.

    Nothing tells the loop that a thread is free again. By itself it looks once a second, which made that a second for
    every job and every delivery; 50 looks a second cost 1 % of a core.
    """
    hub = getattr(sender, "hub", None)
    if hub is not None:
        # Once: Celery says that it is ready after every loss of the connection, and the timer outlives that.
        signals.worker_ready.disconnect(_look_often)
        hub.call_repeatedly(LOOK_SECONDS, lambda: None)


def _work(pool: Pool, settings: Settings) -> Work:
    if pool is Pool.INGEST:
        from workers.ingest import Ingest  # noqa: PLC0415 - this worker needs no models

        return Ingest(client=OutboundClient(url_rules(settings)), buckets=ForeignBuckets.connect(settings))
    from workers.gpu import watch_gpu  # noqa: PLC0415
    from workers.process import Process  # noqa: PLC0415 - and this one nothing to fetch with
    from workers.transcriber import PipelineTranscriber  # noqa: PLC0415

    transcriber = PipelineTranscriber(settings)
    transcriber.load()
    if settings.device != "cpu":
        watch_gpu()
    budget = settings.memory_bytes or budget_bytes()
    structlog.get_logger().info("memory.budget", bytes=budget)
    return Process(transcriber=transcriber, memory=MemoryBudget(budget))


def _serve_deliveries(app: Celery, service: Service) -> None:
    client, chance = OutboundClient(url_rules(service.settings)), random.SystemRandom()

    def post(delivery_id: UUID) -> None:
        with suppress(TemporarilyUnavailable):  # due again when its lease ends
            deliver(service, client, delivery_id, chance)

    serve_webhooks(app, post)


def _serve_metrics(port: int | None) -> None:
    if port is not None:
        start_http_server(port)
