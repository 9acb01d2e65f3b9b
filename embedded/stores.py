"""Postgres, Valkey and SeaweedFS side by side under one data directory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag
from types import TracebackType
from typing import Self

from embedded.child import Child
from embedded.credentials import Credentials
from embedded.errors import ChildFailed, DataDirectoryUnusable, NotStarted
from embedded.life import Observer
from embedded.lock import DataLock
from embedded.ports import is_free, remembered_ports
from embedded.postgres import database_url, postgres_child
from embedded.seaweedfs import PORTS, ObjectStore, object_store, seaweedfs_child, sweep_sockets
from embedded.supervisor import Supervisor
from embedded.valkey import redis_url, valkey_child

ATTEMPTS = 3
"""Starts with other ports, where another process took one between its choice and its use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which of the three are started."""

    postgres: bool
    valkey: bool
    seaweedfs: bool


class Stores:
    """Running servers. They are started again when they end, and end with this process, however it ends.

    Leaving it as a context stops them, as `stop` does.
    """

    def __init__(
        self,
        *,
        selection: Selection,
        ports: dict[str, int],
        credentials: Credentials,
        supervisor: Supervisor,
        closing: ExitStack,
    ) -> None:
        self._selection = selection
        self._ports = ports
        self._credentials = credentials
        self._closing = closing
        self.supervisor = supervisor

    @classmethod
    def start(
        cls,
        data: Path,
        *,
        postgres: bool = True,
        valkey: bool = True,
        seaweedfs: bool = True,
        observe: Observer | None = None,
        hurry: Flag | None = None,
    ) -> Self:
        """Start the servers under `data`, and return when each of them does what it is there for.

        What they held when they were stopped, or killed, is there again, and so are their ports where nobody else has
        taken them. Whatever runs on standard ports is neither looked for nor used.

        Args:
            data: a directory of their own, made where it does not exist.
            postgres: whether it is started, and not brought by the user.
            valkey: the same.
            seaweedfs: the same.
            observe: is told what happens to them (see `Supervisor`).
            hurry: once set, stopping becomes killing.

        Raises:
            DataDirectoryInUse: they run already; says in which process.
            DataDirectoryUnusable: the directory cannot be made, or cannot be used by Postgres.
            ChildFailed: one did not get ready; with the end of its log.
            MissingDependency: the package of one is not installed.
            MalformedFile: the file with their passwords is damaged.
        """
        data = data.resolve()
        selection = Selection(postgres=postgres, valkey=valkey, seaweedfs=seaweedfs)
        with ExitStack() as closing:
            closing.enter_context(_locked(data))
            credentials = Credentials.kept_in(data / "credentials.json")
            supervisor, ports = _supervised(data, selection, credentials, observe=observe, hurry=hurry)
            closing.callback(sweep_sockets, ports)
            closing.callback(supervisor.stop)
            return cls(
                selection=selection,
                ports=ports,
                credentials=credentials,
                supervisor=supervisor,
                closing=closing.pop_all(),
            )

    def stop(self) -> None:
        """Stop the servers, and let others use the data directory. A second time does nothing."""
        self._closing.close()

    @property
    def database_url(self) -> str:
        """`postgresql://user:password@host:port/name` of a superuser.

        Raises:
            NotStarted: Postgres was left out.
        """
        if not self._selection.postgres:
            raise NotStarted
        return database_url(self._ports["postgres"], self._credentials.database_password)

    @property
    def redis_url(self) -> str:
        """`redis://:password@host:port/0`.

        Raises:
            NotStarted: Valkey was left out.
        """
        if not self._selection.valkey:
            raise NotStarted
        return redis_url(self._ports["valkey"], self._credentials.redis_password)

    @property
    def objects(self) -> ObjectStore:
        """The object store, with its bucket.

        Raises:
            NotStarted: SeaweedFS was left out.
        """
        if not self._selection.seaweedfs:
            raise NotStarted
        return object_store(self._ports["s3.port"], self._credentials)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@contextmanager
def _locked(data: Path) -> Iterator[None]:
    try:
        # Others may pass, for an account that Postgres may run as, but not look around.
        data.mkdir(mode=0o711, parents=True, exist_ok=True)
        (data / "logs").mkdir(mode=0o700, exist_ok=True)
        lock = DataLock(data)
    except OSError as error:
        message = f"{data} cannot be used as a data directory: {error}"
        raise DataDirectoryUnusable(message) from error
    with lock:
        yield


def _supervised(
    data: Path, selection: Selection, credentials: Credentials, *, observe: Observer | None, hurry: Flag | None
) -> tuple[Supervisor, dict[str, int]]:
    attempt = 1
    while True:
        ports = remembered_ports(data / "ports.json", _port_names(selection))
        children = list(_children(data, selection, ports, credentials))
        supervisor = Supervisor(observe=observe, hurry=hurry)
        try:
            supervisor.start(*children)
        except BaseException as error:
            supervisor.stop()
            # All of ours have ended: a port that is taken now is somebody else's, and may be the reason.
            lost_a_port = isinstance(error, ChildFailed) and not all(is_free(port) for port in ports.values())
            if not lost_a_port or attempt == ATTEMPTS:
                raise
            attempt += 1
        else:
            return supervisor, ports


def _port_names(selection: Selection) -> list[str]:
    names = ["postgres"] * selection.postgres + ["valkey"] * selection.valkey
    return names + list(PORTS) * selection.seaweedfs


def _children(data: Path, selection: Selection, ports: dict[str, int], credentials: Credentials) -> Iterator[Child]:
    logs = data / "logs"
    if selection.postgres:
        password = credentials.database_password
        yield postgres_child(data / "postgres", log=logs / "postgres.log", port=ports["postgres"], password=password)
    if selection.valkey:
        password = credentials.redis_password
        yield valkey_child(data / "valkey", log=logs / "valkey.log", port=ports["valkey"], password=password)
    if selection.seaweedfs:
        yield seaweedfs_child(data / "seaweedfs", log=logs / "seaweedfs.log", ports=ports, credentials=credentials)
