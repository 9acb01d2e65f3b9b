"""The processes of the service under test, kept running by the product's own supervisor."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from api.queue import WEBHOOKS
from api.states import Pool
from embedded.backoff import Backoff
from embedded.child import Child
from embedded.errors import NotReady
from embedded.ports import LOOPBACK
from embedded.spawning import Spawn
from embedded.supervisor import Supervisor
from tests.chaos.plan import Plan
from tests.chaos.worker import DISPATCHER
from tests.conftest import REPOSITORY

API = "api"
START_SECONDS = 60.0
BACKOFF = Backoff(first_seconds=0.1, most_seconds=0.2)
"""Being killed often is what these are there for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Running processes."""

    supervisor: Supervisor

    def pids(self) -> Mapping[str, int]:
        """Process ids of all, by the names that rows have for workers."""
        return {worker_name(pid): pid for pid in self.supervisor.pids().values()}

    def api(self) -> int | None:
        """Process id of the API; None between an end and the next start."""
        return self.supervisor.pids().get(API)

    def workers(self, pool: Pool) -> list[int]:
        """Process ids of a pool."""
        return [pid for name, pid in self.supervisor.pids().items() if name.startswith(f"{pool}-")]


def worker_name(pid: int) -> str:
    """What a worker on this machine calls itself."""
    return f"{socket.gethostname()}-{pid}"


@contextmanager
def crew(plan: Plan, folder: Path, environment: Mapping[str, str], api_port: int, spawn: Spawn) -> Iterator[Crew]:
    """Start all processes; their logs and files lie in `folder`."""
    with Supervisor(backoff=BACKOFF, spawn=spawn) as supervisor:
        supervisor.start(*_children(plan, folder, environment, api_port))
        yield Crew(supervisor=supervisor)


def _children(plan: Plan, folder: Path, environment: Mapping[str, str], api_port: int) -> Iterator[Child]:
    names = [f"{Pool.INGEST}-{number}" for number in range(plan.ingesters)]
    names += [f"{Pool.PROCESS}-{number}" for number in range(plan.workers)]
    commands: dict[str, tuple[str, ...]] = {API: ("tests.chaos.http_api", "--port", str(api_port))}
    ready = {API: partial(_ask, f"http://{LOOPBACK}:{api_port}/healthz")}
    for name in (DISPATCHER, *names, WEBHOOKS):
        commands[name] = ("tests.chaos.worker", name.partition("-")[0], "--seed", str(plan.seed))
    less = () if plan.without is None else ("--without", plan.without.value)
    for name, words in commands.items():
        yield Child(
            name=name,
            command=(sys.executable, "-m", *words, *less),
            log=folder / f"{name}.log",
            environment={**environment, "TMPDIR": str(folder)},
            directory=REPOSITORY,
            ready=ready.get(name),
            ready_seconds=START_SECONDS,
            # Celery finishes what is under way: a job of the stand-ins takes less than a second.
            stop_seconds=10.0,
        )


def _ask(url: str) -> None:
    try:
        httpx.get(url, timeout=START_SECONDS)
    except httpx.TransportError as error:
        raise NotReady(str(error)) from None
