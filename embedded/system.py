"""The whole service on one machine: the stores, and the five processes that work on them."""

from __future__ import annotations

import base64
import os
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag
from typing import Final

from api.bootstrap import connect
from api.first_key import first_key
from api.migrations import upgrade
from api.queue import WEBHOOKS
from api.settings import Settings, environment_with, named_in_environment
from api.states import Pool
from embedded.child import Child
from embedded.errors import NotReady, PortTaken
from embedded.life import Observer
from embedded.ports import LOOPBACK, is_free, remembered_ports
from embedded.stores import Stores

READY_SECONDS: Final = 60.0
MODEL_SECONDS: Final = 1800.0
"""The process worker loads its models before it is ready, and fetches them the first time."""
DRAIN_SECONDS: Final = 100.0
"""A worker that is told to stop gives its job back by then."""
ANSWER_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A running service."""

    address: str
    """`http://host:port` of the API."""
    new_key: str | None
    """An API key for everything, on the first start; it is not kept anywhere."""
    settings: Settings
    stores: Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """What the processes of the service work on."""

    stores: Stores
    settings: Settings
    environment: Mapping[str, str]
    """Of a process that works on them."""


@contextmanager
def founded(
    data: Path,
    *,
    model: str | None = None,
    variables: Mapping[str, str] | None = None,
    observe: Observer | None = None,
    hurry: Flag | None = None,
) -> Iterator[Foundation]:
    """Start the stores and migrate the database; stop them when left.

    What the environment names (`HANSARD_DATABASE_URL`, `HANSARD_REDIS_URL`, `HANSARD_S3_ENDPOINT`) is used and not
    started; the processes are told `variables` besides.

    Raises:
        DataDirectoryInUse, DataDirectoryUnusable, ChildFailed: see `Stores.start`.
        InvalidSettings: the environment holds something that cannot be used.
    """
    named = named_in_environment()
    with Stores.start(
        data,
        postgres="HANSARD_DATABASE_URL" not in named,
        valkey="HANSARD_REDIS_URL" not in named,
        seaweedfs="HANSARD_S3_ENDPOINT" not in named,
        observe=observe,
        hurry=hurry,
    ) as stores:
        told = _variables(stores, data, named, model) | dict(variables or {})
        settings = Settings.from_mapping(named | told)
        upgrade((settings.migration_url or settings.database_url).get_secret_value())
        yield Foundation(stores=stores, settings=settings, environment=environment_with(told))


@contextmanager
def running(
    data: Path,
    *,
    port: int | None = None,
    host: str = LOOPBACK,
    model: str | None = None,
    variables: Mapping[str, str] | None = None,
    observe: Observer | None = None,
    hurry: Flag | None = None,
) -> Iterator[System]:
    """Start everything, and stop it in order when left.

    Without a `port` the API has one that stays the same from one start to the next. For the rest, see `founded`.

    Raises:
        PortTaken: another process listens on `port`.
        DataDirectoryInUse, DataDirectoryUnusable, ChildFailed, InvalidSettings: see `founded`.
    """
    with founded(data, model=model, variables=variables, observe=observe, hurry=hurry) as foundation:
        if port is not None and not is_free(port):
            # Whatever listens there could say that it is ready, in the place of an API that never got its port.
            message = f"port {port} is taken by another process; choose another one, or none"
            raise PortTaken(message)
        file = data / "ports.json"
        ports = remembered_ports(file, ["dispatcher", *Pool, WEBHOOKS])
        key = _first_key(foundation.settings)
        # Stopped in reverse: no new work, then no work, then nothing to keep it in.
        supervisor = foundation.stores.supervisor
        supervisor.start(*_workers(data, ports, foundation.environment))
        # Chosen only now: in the seconds that models take to load, somebody else could have taken it.
        api_port = remembered_ports(file, ["api"])["api"] if port is None else port
        supervisor.start(_api(data, api_port, host, foundation.environment))
        shown = LOOPBACK if host == "0.0.0.0" else host  # noqa: S104 - compared, not listened on
        yield System(
            address=f"http://{shown}:{api_port}",
            new_key=key,
            settings=foundation.settings,
            stores=foundation.stores,
        )


def _variables(stores: Stores, data: Path, named: Mapping[str, str], model: str | None) -> dict[str, str]:
    """What the processes have to be told besides what the environment says."""
    variables: dict[str, str] = {}
    if "HANSARD_DATABASE_URL" not in named:
        variables["HANSARD_DATABASE_URL"] = stores.database_url
    if "HANSARD_REDIS_URL" not in named:
        variables["HANSARD_REDIS_URL"] = stores.redis_url
    if "HANSARD_S3_ENDPOINT" not in named:
        variables |= {
            "HANSARD_S3_ENDPOINT": stores.objects.endpoint,
            "HANSARD_S3_BUCKET": stores.objects.bucket,
            "HANSARD_S3_REGION": stores.objects.region,
            "HANSARD_S3_ACCESS_KEY": stores.objects.access_key,
            "HANSARD_S3_SECRET_KEY": stores.objects.secret_key,
        }
    if "HANSARD_SECRET_KEYS" not in named:
        variables["HANSARD_SECRET_KEYS"] = _kept_secret(data / "secret.key")
    if model is not None:
        variables["HANSARD_ASR_MODEL"] = model
    return variables


def _kept_secret(file: Path) -> str:
    """The key that seals webhook secrets; made on the first start."""
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    return file.read_text(encoding="ascii").strip()


def _first_key(settings: Settings) -> str | None:
    service = connect(settings)
    try:
        return first_key(service.database)
    finally:
        service.database.close()


def _workers(data: Path, ports: Mapping[str, int], environment: Mapping[str, str]) -> Iterator[Child]:
    for name in ("dispatcher", *Pool, WEBHOOKS):
        role = ("dispatcher",) if name == "dispatcher" else ("worker", name)
        yield _child(
            data,
            name,
            (*role, "--metrics-port", str(ports[name])),
            environment,
            ready=f"http://{LOOPBACK}:{ports[name]}/healthz",
            ready_seconds=MODEL_SECONDS if name == Pool.PROCESS else READY_SECONDS,
        )


def _api(data: Path, port: int, host: str, environment: Mapping[str, str]) -> Child:
    words = ("api", "--host", host, "--port", str(port))
    return _child(data, "api", words, environment, ready=f"http://{LOOPBACK}:{port}/readyz")


def _child(
    data: Path,
    name: str,
    words: tuple[str, ...],
    environment: Mapping[str, str],
    *,
    ready: str,
    ready_seconds: float = READY_SECONDS,
) -> Child:
    return Child(
        name=str(name),
        command=(sys.executable, "-m", "hansard", "serve", *words),
        log=data / "logs" / f"{name}.log",
        environment=environment,
        ready=_answers(ready),
        ready_seconds=ready_seconds,
        stop_seconds=DRAIN_SECONDS,
    )


def _answers(url: str) -> Callable[[], None]:
    def ask() -> None:
        try:
            urllib.request.urlopen(url, timeout=ANSWER_SECONDS).close()  # noqa: S310 - our own process
        except (urllib.error.URLError, OSError) as error:
            raise NotReady(str(error)) from None

    return ask
