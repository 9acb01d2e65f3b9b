"""Transactions. Every one of them runs as a role that sees what it must, and no more.

The user of the connection string owns nothing that it works on: a transaction takes the role `hansard_tenant`, which
row level security confines to the rows of one tenant, or `hansard_system`, which sweeps across all of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from api.errors import DatabaseBusy, DatabaseUnavailable
from api.settings import Settings

TENANT_ROLE: Final = "hansard_tenant"
SYSTEM_ROLE: Final = "hansard_system"
READER_ROLE: Final = "hansard_reader"
TENANT_SETTING: Final = "hansard.tenant_id"

CONNECT_SECONDS: Final = 5
WAIT_SECONDS: Final = 5.0
"""For a connection of the pool."""
TRUSTED_SECONDS: Final = 1.0
"""After its last use, a connection is taken to be there without being asked. A server that starts again rarely takes
less; a transaction that meets one that did fails as in any other outage, and is tried again."""
_USED: Final = "hansard.used"
MILLISECONDS: Final = {
    "statement_timeout": 30_000,
    "lock_timeout": 10_000,
    # A process that hangs, or a host that is gone, must not keep its rows locked: sweeps leave those alone.
    "idle_in_transaction_session_timeout": 60_000,
}
AWAY: Final = ("08", "57P", "25006", "53300")
"""States of SQL that say that there is no database to work with: connections fail, it starts or stops, it is a standby
that writes nothing, it takes no more connections. Time-outs, deadlocks and full disks are others."""
_ENTER = text("SELECT set_config('role', :role, true), set_config('hansard.tenant_id', :tenant, true)")


def psycopg_url(url: str) -> str:
    """The connection string with the driver that is used named in it."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return f"postgresql+psycopg://{url.removeprefix(scheme)}"
    return url


def _look_after_a_rest(engine: Engine) -> None:
    """Ask a connection that was not used for a while whether it still is one; where it is not, the pool replaces all.

    One that was used a moment ago is not asked: that would be a sixth of all that is sent.
    """

    @event.listens_for(engine, "checkin")
    def note(_: object, record: ConnectionPoolEntry) -> None:
        record.info[_USED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def look(connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
        used = record.info.get(_USED)
        if used is None or time.monotonic() - used < TRUSTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


def _told(error: DBAPIError) -> DatabaseUnavailable | DatabaseBusy | None:
    """Whether the database was away, or could not do this now; None for a mistake of ours."""
    state = getattr(error.orig, "sqlstate", None)
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return DatabaseUnavailable()
    if state is not None and state.startswith(AWAY):
        return DatabaseUnavailable()
    if isinstance(error, OperationalError):
        # Without a state no server has answered: connecting has failed.
        return DatabaseUnavailable() if state is None else DatabaseBusy()
    return None


class Database:
    """A pool of connections, and the two ways to use one."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def connect(cls, settings: Settings) -> Database:
        """Make the pool; connections are opened when they are first needed."""
        engine = create_engine(
            psycopg_url(settings.database_url.get_secret_value()),
            pool_size=settings.database_connections,
            max_overflow=0,
            pool_timeout=WAIT_SECONDS,
            # Messages of errors would carry what was to be written: text that people said.
            hide_parameters=True,
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "options": " ".join(f"-c {name}={value}" for name, value in MILLISECONDS.items()),
                # A host that was lost is noticed within half a minute, on both sides.
                "keepalives_idle": 15,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "application_name": "hansard",
            },
        )
        _look_after_a_rest(engine)
        return cls(engine)

    @contextmanager
    def tenant(self, tenant_id: UUID) -> Iterator[Connection]:
        """A transaction that sees the rows of one tenant; committed at the end, undone where an error leaves it.

        Raises:
            DatabaseUnavailable: Postgres does not answer.
            DatabaseBusy: it does, and could not do this now: time-outs, deadlocks, no free connection in this process.
        """
        with self._transaction(TENANT_ROLE, str(tenant_id)) as connection:
            yield connection

    @contextmanager
    def system(self) -> Iterator[Connection]:
        """The same across all tenants: for workers, who are told a job's id alone, and for finding a key's tenant."""
        with self._transaction(SYSTEM_ROLE, "") as connection:
            yield connection

    @contextmanager
    def _transaction(self, role: str, tenant: str) -> Iterator[Connection]:
        try:
            with self.engine.begin() as connection:
                connection.execute(_ENTER, {"role": role, "tenant": tenant})
                yield connection
        except PoolTimeout as error:
            raise DatabaseBusy from error
        except DBAPIError as error:
            told = _told(error)
            if told is None:
                raise
            raise told from error

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
