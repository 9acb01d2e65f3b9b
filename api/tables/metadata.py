"""What all tables share."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, ForeignKey, MetaData, Uuid, text
from uuid_utils.compat import uuid7

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
NOW = text("clock_timestamp()")
"""The database's clock is the only one that is believed."""


def moment(name: str, *, nullable: bool = False) -> Column[datetime]:
    """An instant, with its zone; one that must be there is the present by default."""
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=None if nullable else NOW)


def identity() -> Column[UUID]:
    """A primary key in order of creation (UUID version 7), so that a list by id is a list by time."""
    return Column("id", Uuid(), primary_key=True, default=uuid7)


def tenant(**options: Any) -> Column[UUID]:  # noqa: ANN401 - passed on
    """Whose row this is; row level security acts on it."""
    return Column("tenant_id", Uuid(), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False, **options)


def one_of(column: str, kinds: type[StrEnum]) -> str:
    """The SQL condition that a column holds a member of an enumeration."""
    return f"{column} IN ({', '.join(repr(str(kind)) for kind in kinds)})"
