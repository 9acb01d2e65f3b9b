from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from api import migrations
from api.db import READER_ROLE, SYSTEM_ROLE, TENANT_ROLE, psycopg_url
from tests.integration.conftest import administration, url_of

if TYPE_CHECKING:
    from embedded.stores import Stores

NOT_A_TENANTS = {"alembic_version"}


@pytest.fixture
def empty(stores: Stores) -> Iterator[str]:
    """A database without tables."""
    name = f"empty_{uuid4().hex}"
    with administration(stores) as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield url_of(stores, name)
    with administration(stores) as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def connected(url: str) -> Any:
    return create_engine(psycopg_url(url), poolclass=NullPool).connect()


def test_an_empty_database_becomes_what_the_code_declares(empty: str) -> None:
    migrations.upgrade(empty)
    with connected(empty) as connection:
        assert migrations.drift(connection) == []
        assert migrations.is_current(connection)


def test_nothing_is_left_after_going_all_the_way_back(empty: str) -> None:
    migrations.upgrade(empty)
    migrations.downgrade(empty, "base")
    with connected(empty) as connection:
        found = inspect(connection)
        assert set(found.get_table_names()) <= NOT_A_TENANTS
        assert (found.get_view_names(), found.get_sequence_names()) == ([], [])
        assert not migrations.is_current(connection)
    migrations.upgrade(empty)


def test_a_change_that_no_migration_makes_is_noticed(empty: str) -> None:
    migrations.upgrade(empty)
    with connected(empty) as connection:
        connection.execute(text("ALTER TABLE jobs DROP COLUMN stage"))
        assert migrations.drift(connection)


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    migrations.upgrade(database_url)
    with connected(database_url) as connection:
        assert migrations.drift(connection) == []


def test_every_table_is_guarded_by_its_tenant(database_url: str) -> None:
    """A new table without row level security is a leak: it has to be guarded, or named here."""
    statement = text("SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class "
                     "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")  # fmt: skip
    with connected(database_url) as connection:
        guarded = {row.relname: row[1] for row in connection.execute(statement)}
    assert {table for table, forced in guarded.items() if not forced} == NOT_A_TENANTS


@pytest.mark.parametrize(
    ("role", "forbidden"),
    [
        (READER_ROLE, "SELECT * FROM api_keys"),
        (READER_ROLE, "SELECT * FROM webhook_endpoints"),
        (READER_ROLE, "DELETE FROM turns"),
        (READER_ROLE, "UPDATE recordings SET name = ''"),
        (TENANT_ROLE, "UPDATE tenants SET weight = 1000"),
        (TENANT_ROLE, "DELETE FROM audit_log"),
        (TENANT_ROLE, "CREATE TABLE mine (id int)"),
        (SYSTEM_ROLE, "ALTER TABLE jobs DISABLE ROW LEVEL SECURITY"),
    ],
)
def test_a_role_may_do_no_more_than_it_must(database_url: str, role: str, forbidden: str) -> None:
    with connected(database_url) as connection:
        connection.execute(text(f"SET ROLE {role}"))
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
            connection.execute(text(forbidden))
