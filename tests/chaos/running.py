"""One run, from empty tables to a checked history."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from redis import Redis
from sqlalchemy import Connection, func, select

from api.bootstrap import Service, connect
from api.settings import PREFIX, Settings, environment_with
from api.states import TERMINAL
from api.tables import jobs, outbox
from embedded.ports import LOOPBACK, remembered_ports
from embedded.spawning import Spawn
from embedded.stores import Stores
from tests.chaos import books, recorder
from tests.chaos.consumer import Consumer, listening
from tests.chaos.crew import API, crew
from tests.chaos.database import empty_database, insistently
from tests.chaos.history import violations
from tests.chaos.plan import Plan
from tests.chaos.report import Report, excused, recoveries
from tests.chaos.sabotage import Saboteur
from tests.chaos.store_faults import StoreFaults
from tests.chaos.store_proxy import S3_TIMEOUT_SECONDS, StoreProxy, standing_between
from tests.chaos.submission import Submitter

TICK_SECONDS: Final = 0.05
START_SECONDS: Final = 60.0
"""For the workers to start: so much longer the first job may take to end."""
WEBHOOK_SECONDS: Final = 45.0
"""For what is still to be delivered once all jobs have ended."""
CONNECTIONS: Final = 5


def run(plan: Plan, stores: Stores, folder: Path, spawn: Spawn) -> Report:
    """Do what a plan says to a service of its own on running servers, whose processes are started by `spawn`.

    Files and logs are left in `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    consumer = Consumer(plan.seed)
    proxy = StoreProxy(stores.objects.endpoint, StoreFaults(plan.seed, plan.store_faults))
    with Redis.from_url(stores.redis_url) as redis:
        redis.flushall()
    with ExitStack() as closing:
        variables = _variables(plan, stores, closing.enter_context(empty_database(stores)))
        service = connect(Settings.from_mapping(variables))
        closing.callback(service.database.close)
        with service.database.engine.begin() as connection:
            recorder.install(connection)
        closing.enter_context(listening(consumer))
        port = remembered_ports(folder / "ports.json", [API])[API]
        with (
            standing_between(proxy),
            crew(plan, folder, _environment(variables, proxy), port, spawn) as processes,
            Submitter(service, plan, f"http://{LOOPBACK}:{port}", consumer, folder) as submitter,
        ):
            saboteur = Saboteur(service, stores, processes, plan, submitter, proxy.faults)
            started = time.monotonic()
            _drive(service, plan, submitter, saboteur)
            seconds = time.monotonic() - started
            saboteur.release()
            _await_webhooks(service, consumer)
            running = frozenset(processes.pids())
        history = books.history(service, submitter, proxy.copies(), consumer.received)
    found = recoveries(saboteur.deaths, history.attempts)
    counted = [one.seconds for one in found if not excused(one, proxy.faults.outages)]
    return Report(
        plan=plan,
        history=history,
        violations=violations(history),
        inflicted=saboteur.inflicted,
        store_faults=proxy.faults.inflicted,
        answers=submitter.way.seen,
        lost_answers=submitter.way.lost,
        replayed=submitter.way.replayed,
        running=running,
        outlived=saboteur.outlived,
        recoveries=counted,
        excused=len(found) - len(counted),
        seconds=seconds,
    )


def _drive(service: Service, plan: Plan, submitter: Submitter, saboteur: Saboteur) -> None:
    """Keep jobs coming and faults happening until all have ended, or nothing moves any more."""
    ended, left, moved = 0, 0, time.monotonic() + START_SECONDS
    while left or ended < plan.jobs or not (submitter.done and saboteur.idle):
        submitter.submit(plan.outstanding - (len(submitter.sent) - ended))
        saboteur.act(ended)
        time.sleep(TICK_SECONDS)
        now, left = insistently(service, _ended_and_left)
        if now > ended:
            ended, moved = now, time.monotonic()
        elif time.monotonic() - moved > plan.stuck_seconds:
            return


def _ended_and_left(connection: Connection) -> tuple[int, int]:
    ended = func.count().filter(jobs.c.state.in_(TERMINAL))
    row = connection.execute(select(ended, func.count() - ended)).one()
    return row[0], row[1]


def _await_webhooks(service: Service, consumer: Consumer) -> None:
    written = set(insistently(service, lambda connection: connection.execute(select(outbox.c.id)).scalars().all()))
    until = time.monotonic() + WEBHOOK_SECONDS
    while not written <= set(consumer.received) and time.monotonic() < until:
        time.sleep(TICK_SECONDS)


def _environment(variables: Mapping[str, str], proxy: StoreProxy) -> Mapping[str, str]:
    """That of the service's processes, who reach the store through the proxy; it has to stand there already."""
    return environment_with({**variables, f"{PREFIX}S3_ENDPOINT": proxy.url})


def _variables(plan: Plan, stores: Stores, database_url: str) -> Mapping[str, str]:
    """What has to be told to whoever uses the servers; the service's processes have another way to the store."""
    told = {
        "database_url": database_url,
        "database_connections": CONNECTIONS,
        "redis_url": stores.redis_url,
        "s3_endpoint": stores.objects.endpoint,
        "s3_bucket": stores.objects.bucket,
        "s3_access_key": stores.objects.access_key,
        "s3_secret_key": stores.objects.secret_key,
        "s3_timeout_seconds": S3_TIMEOUT_SECONDS,
        "secret_keys": base64.urlsafe_b64encode(bytes(32)).decode(),
        "allow_http_sources": "true",
        "allowed_networks": "127.0.0.0/8",
        "lease_seconds": plan.lease_seconds,
        "heartbeat_seconds": plan.heartbeat_seconds,
        "sweep_seconds": plan.sweep_seconds,
    }
    return {f"{PREFIX}{name.upper()}": str(value) for name, value in told.items()}
