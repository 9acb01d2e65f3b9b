"""One process of the service, with stand-ins for its models and with orders to hurt itself.

`python -m tests.chaos.worker ingest|process|webhooks|dispatcher --seed 7 [--without fence]`, told by the
environment where the servers are, as the product's own processes are.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import ColumnElement, true

from api.bootstrap import Service, connect
from api.jobs import lease, transition
from api.jobs.lease import Claim
from api.logging import configure
from api.outbound.client import OutboundClient
from api.outbound.rules import url_rules
from api.queue import WEBHOOKS, celery_app
from api.recordings import orphans
from api.settings import Settings
from api.states import Pool
from api.storage.foreign import ForeignBuckets
from api.webhooks import deliveries, schedule
from pipeline.errors import DeviceLost
from pipeline.memory_budget import MemoryBudget
from tests.chaos.orders import Act, orders_of
from tests.chaos.plan import Part
from tests.chaos.stubs import StubDecoder, StubTranscriber
from workers import dispatcher, retry
from workers.context import Context, Work
from workers.keeper import Keeper
from workers.serving import serve_dispatcher, serve_worker, take_tasks
from workers.tasks import serve_pool

DISPATCHER: Final = "dispatcher"
DIED: Final = 99
"""Exit status of a worker that obeyed."""


def obey(point: str, held: Claim) -> None:
    """Do what the job says, if this is the point that it names."""
    orders = orders_of(held.options)
    if orders is None or (orders.pool, orders.point) != (held.pool, point):
        return
    if held.crash_count and not orders.always:
        return
    if orders.act is Act.DIE:
        os._exit(DIED)
    if orders.act is Act.LOSE_DEVICE:
        raise DeviceLost
    os.kill(os.getpid(), signal.SIGSTOP)


@dataclass(frozen=True, slots=True)
class Obedient:
    """A pool's work with a point before it, and slower where the job says so."""

    work: Work

    def __call__(self, context: Context, held: Claim, keeper: Keeper) -> None:
        """Do the work."""
        context.reached("claimed", held)
        orders = orders_of(held.options)
        if orders is not None and held.crash_count:
            until = time.monotonic() + orders.slow_again
            while time.monotonic() < until:
                keeper.check()
                time.sleep(0.02)
        self.work(context, held, keeper)


def work_of(pool: Pool, settings: Settings, seed: int) -> Work:
    """The product's work on stand-ins."""
    if pool is Pool.INGEST:
        from workers.ingest import Ingest

        client, buckets = OutboundClient(url_rules(settings)), ForeignBuckets.connect(settings)
        return Ingest(client=client, buckets=buckets, decode=StubDecoder(seed))
    from workers.process import Process

    return Process(transcriber=StubTranscriber(seed), memory=MemoryBudget(None))


def unfence() -> None:
    """Take the condition away by which a stale write finds no row."""
    never_stale: Callable[[int], ColumnElement[bool]] = lambda _: true()  # noqa: E731 - in the place of a function
    for module in (lease, transition):
        vars(module)["still_held"] = never_stale


def forgo_reaping() -> None:
    """Let no sweep end a lease, whatever became of its worker."""
    vars(dispatcher)["reap"] = lambda _: []


def hasten_retries() -> None:
    """Let a job that failed for a reason that may pass be tried again within two seconds."""
    vars(retry)["SHORTEST"], vars(retry)["LONGEST"] = timedelta(seconds=0.5), timedelta(seconds=2)


def hasten_removal() -> None:
    """Let the file of an upload that has died go within seconds."""
    vars(orphans)["LOST_AFTER"] = timedelta(seconds=5)


def hasten_deliveries() -> None:
    """Let a delivery that failed, or whose worker was lost, be tried again within seconds."""
    vars(schedule)["DELAYS"] = (0.0, *(1.0,) * (schedule.MAX_ATTEMPTS - 1))
    vars(deliveries)["LEASE"] = timedelta(seconds=5)


def main() -> None:
    """Run until told to stop, or killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("queue", choices=[*Pool, WEBHOOKS, DISPATCHER])
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--without", type=Part, choices=Part)
    told = parser.parse_args()
    configure()
    if told.without is Part.FENCE:
        unfence()
    if told.without is Part.REAPER:
        forgo_reaping()
    service = connect(Settings.from_environment())
    if told.queue == DISPATCHER:
        hasten_removal()
        serve_dispatcher(service, metrics_port=None)
    elif told.queue == WEBHOOKS:
        hasten_deliveries()
        serve_worker(service, WEBHOOKS, concurrency=2, metrics_port=None)
    else:
        _serve(service, Pool(told.queue), told.seed)


def _serve(service: Service, pool: Pool, seed: int) -> None:
    hasten_retries()
    app = celery_app(service.settings.redis_url.get_secret_value())
    with tempfile.TemporaryDirectory(prefix="hansard-") as scratch:
        context = Context(
            service=service,
            work={pool: Obedient(work_of(pool, service.settings, seed))},
            scratch=Path(scratch),
            chance=random.Random(f"{seed} {os.getpid()}"),
            reached=obey,
        )
        serve_pool(app, context, pool)
        take_tasks(app, pool, concurrency=1)


if __name__ == "__main__":
    main()
