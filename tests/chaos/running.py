"""One run, from empty tables to a checked history."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

from redis import Redis
from sqlalchemy import Connection, create_engine, func, select, text
from sqlalchemy.pool import NullPool

from api.bootstrap import Service, connect
from api.db import psycopg_url
from api.migrations import upgrade
from api.settings import PREFIX, Settings, environment_with
from api.states import TERMINAL
from api.tables import jobs, outbox
from embedded.stores import Stores
from tests.chaos import books, recorder
from tests.chaos.consumer import Consumer, listening
from tests.chaos.crew import crew
from tests.chaos.history import violations
from tests.chaos.plan import Plan
from tests.chaos.report import Report, recoveries
from tests.chaos.sabotage import Saboteur
from tests.chaos.submission import Submitter, insistently

TICK_SECONDS: Final = 0.05
STUCK_SECONDS: Final = 120.0
"""Without a job that ended, a run is over: some are lost, and the check will say which."""
WEBHOOK_SECONDS: Final = 45.0
"""For what is still to be delivered once all jobs have ended."""
CONNECTIONS: Final = 5


def run(plan: Plan, stores: Stores, folder: Path) -> Report:
    """Do what a plan says to a service of its own on running servers; files and logs are left in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    consumer = Consumer(plan.seed)
    with ExitStack() as closing:
        variables = closing.enter_context(_database(plan, stores))
        service = connect(Settings.from_mapping(variables))
        closing.callback(service.database.close)
        closing.enter_context(listening(consumer))
        with service.database.engine.begin() as connection:
            recorder.install(connection)
        submitter = Submitter(service, plan, consumer.url)
        with crew(plan, folder, environment_with(variables)) as running:
            saboteur = Saboteur(service, stores, running, plan)
            started = time.monotonic()
            _drive(service, plan, submitter, saboteur)
            seconds = time.monotonic() - started
            _await_webhooks(service, consumer)
        history = books.history(service, submitter.accepted, consumer.received)
    return Report(
        plan=plan,
        history=history,
        violations=violations(history),
        inflicted=saboteur.inflicted,
        outlived=saboteur.outlived,
        recoveries=recoveries(saboteur.deaths, history.attempts),
        seconds=seconds,
    )


def _drive(service: Service, plan: Plan, submitter: Submitter, saboteur: Saboteur) -> None:
    """Keep jobs coming and faults happening until all have ended, or nothing moves any more."""
    ended, moved = 0, time.monotonic()
    while ended < plan.jobs or not saboteur.idle:
        submitter.submit(plan.outstanding - (len(submitter.accepted) - ended))
        saboteur.act(ended)
        time.sleep(TICK_SECONDS)
        now = insistently(service, _ended)
        if now > ended:
            ended, moved = now, time.monotonic()
        elif time.monotonic() - moved > STUCK_SECONDS:
            return


def _ended(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(jobs).where(jobs.c.state.in_(TERMINAL))).scalar_one()


def _await_webhooks(service: Service, consumer: Consumer) -> None:
    written = set(insistently(service, lambda connection: connection.execute(select(outbox.c.id)).scalars().all()))
    until = time.monotonic() + WEBHOOK_SECONDS
    while not written <= set(consumer.received) and time.monotonic() < until:
        time.sleep(TICK_SECONDS)


@contextmanager
def _database(plan: Plan, stores: Stores) -> Iterator[Mapping[str, str]]:
    """A database with empty tables, an empty queue, and what processes have to be told to use them."""
    name = f"chaos_{uuid4().hex[:12]}"
    with Redis.from_url(stores.redis_url) as redis:
        redis.flushall()
    _administer(stores, f"CREATE DATABASE {name}")
    url = f"{stores.database_url.rpartition('/')[0]}/{name}"
    upgrade(url)
    told = {
        "database_url": url,
        "database_connections": CONNECTIONS,
        "redis_url": stores.redis_url,
        "s3_endpoint": stores.objects.endpoint,
        "s3_bucket": stores.objects.bucket,
        "s3_access_key": stores.objects.access_key,
        "s3_secret_key": stores.objects.secret_key,
        "secret_keys": base64.urlsafe_b64encode(bytes(32)).decode(),
        "allow_http_sources": "true",
        "allowed_networks": "127.0.0.0/8",
        "lease_seconds": plan.lease_seconds,
        "heartbeat_seconds": plan.heartbeat_seconds,
        "sweep_seconds": plan.sweep_seconds,
    }
    yield {f"{PREFIX}{name.upper()}": str(value) for name, value in told.items()}
    _administer(stores, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(stores: Stores, statement: str) -> None:
    engine = create_engine(psycopg_url(stores.database_url), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(statement))
