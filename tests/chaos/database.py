"""The database of a run: made, asked while it is stopped and started, and dropped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar
from uuid import uuid4

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from api.bootstrap import Service
from api.db import psycopg_url
from api.errors import TemporarilyUnavailable
from api.migrations import upgrade
from embedded.stores import Stores

PATIENCE_SECONDS: Final = 60.0
T = TypeVar("T")


@contextmanager
def empty_database(stores: Stores) -> Iterator[str]:
    """The URL of a database with empty tables."""
    name = f"chaos_{uuid4().hex[:12]}"
    _administer(stores, f"CREATE DATABASE {name}")
    url = f"{stores.database_url.rpartition('/')[0]}/{name}"
    upgrade(url)
    yield url
    _administer(stores, f"DROP DATABASE {name} WITH (FORCE)")


def insistently(service: Service, do: Callable[[Connection], T]) -> T:
    """Do something in a transaction, again and again while the database does not answer.

    Raises:
        TemporarilyUnavailable: it did not for a minute.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with service.database.system() as connection:
                return do(connection)
        except TemporarilyUnavailable:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _administer(stores: Stores, statement: str) -> None:
    engine = create_engine(psycopg_url(stores.database_url), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(statement))
