"""One effect for any number of tries: the first answer is kept with the client's key, and given again.

A request that needs one short transaction keeps its answer in that transaction: of fifty at once one commits, the
others wait for it and find its answer. A long one (an upload) first takes the key; what it took lapses a minute after
the process that took it was last heard of.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from api.db import Database
from api.errors import IdempotencyKeyInvalid, IdempotencyKeyReused, RequestInProgress
from api.tables import idempotency_keys as table

KEPT: Final = timedelta(hours=24)
IN_FLIGHT: Final = timedelta(minutes=1)
"""A request that was not heard of for so long has died."""
_PRINTABLE = re.compile(r"[\x20-\x7e]{1,255}")
_TRIES: Final = 3
_NOW: Final = func.clock_timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a client is told."""

    status: int
    body: Mapping[str, Any]
    recording_id: UUID | None = None
    """With this recording the answer is erased."""
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A key that this request holds."""

    tenant_id: UUID
    key: str
    token: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was answered to an earlier request."""

    request_sha256: bytes
    answer: Answer

    def for_request(self, request_sha256: bytes) -> Answer:
        """The answer, for the same request. Raises `IdempotencyKeyReused` for another one."""
        if self.request_sha256 != request_sha256:
            raise IdempotencyKeyReused
        return self.answer


class _Conflict(Exception):
    """The key is in use."""


def checked(key: str | None) -> str | None:
    """A key as it came; raises `IdempotencyKeyInvalid`."""
    if key is not None and not _PRINTABLE.fullmatch(key):
        raise IdempotencyKeyInvalid
    return key


def once(
    database: Database, tenant_id: UUID, key: str | None, request_sha256: bytes, act: Callable[[Connection], Answer]
) -> Answer:
    """Act in a transaction of the tenant's, unless a request of this key has done so.

    Raises:
        IdempotencyKeyReused: the key belongs to another request.
        RequestInProgress: that request is not done.
    """
    if key is None:
        with database.tenant(tenant_id) as connection:
            return act(connection)
    for _ in range(_TRIES):
        try:
            with database.tenant(tenant_id) as connection:
                # First: what was done for this key has used up what a second request would be refused for.
                kept = _look(connection, tenant_id, key)
                if kept is not None:
                    return kept.for_request(request_sha256)
                answer = act(connection)
                _keep(connection, tenant_id, key, request_sha256, answer)
                return answer
        except _Conflict:
            continue
    raise RequestInProgress


def take(database: Database, tenant_id: UUID, key: str) -> Taken | Kept:
    """Take a key for a request that will last, or find what was answered.

    Raises:
        RequestInProgress: another request holds it.
    """
    token = secrets.token_bytes(32)
    row = {"tenant_id": tenant_id, "key": key, "request_sha256": token, "expires_at": _NOW + IN_FLIGHT}
    for _ in range(_TRIES):
        with database.tenant(tenant_id) as connection:
            statement = insert(table).values(row).on_conflict_do_nothing().returning(table.c.key)
            if connection.execute(statement).one_or_none() is not None:
                return Taken(tenant_id=tenant_id, key=key, token=token)
            kept = _look(connection, tenant_id, key)
        if kept is not None:
            return kept
    raise RequestInProgress


def prolong(connection: Connection, taken: Taken) -> None:
    """Say that the request is still being worked on."""
    connection.execute(update(table).where(*_held(taken)).values(expires_at=_NOW + IN_FLIGHT))


def finish(connection: Connection, taken: Taken, request_sha256: bytes, answer: Answer) -> None:
    """Keep the answer, in the transaction that it tells of.

    Raises:
        RequestInProgress: the key lapsed, and another request has it.
    """
    values = _kept_values(request_sha256, answer)
    statement = update(table).where(*_held(taken)).values(values).returning(table.c.key)
    if connection.execute(statement).one_or_none() is None:
        raise RequestInProgress


def give_up(database: Database, taken: Taken) -> None:
    """Let the key go: the request had no effect."""
    with database.tenant(taken.tenant_id) as connection:
        connection.execute(delete(table).where(*_held(taken)))


def forget_expired(connection: Connection) -> int:
    """Remove what is kept no longer, for the dispatcher; how many keys."""
    # An index is searched for what stays the same during a statement; the clock does not.
    return connection.execute(delete(table).where(table.c.expires_at < func.statement_timestamp())).rowcount


def _held(taken: Taken) -> tuple[Any, ...]:
    return (
        table.c.tenant_id == taken.tenant_id,
        table.c.key == taken.key,
        table.c.status.is_(None),
        table.c.request_sha256 == taken.token,
    )


def _keep(connection: Connection, tenant_id: UUID, key: str, request_sha256: bytes, answer: Answer) -> None:
    row = {"tenant_id": tenant_id, "key": key} | _kept_values(request_sha256, answer)
    statement = insert(table).values(row).on_conflict_do_nothing().returning(table.c.key)
    if connection.execute(statement).one_or_none() is None:
        raise _Conflict


def _kept_values(request_sha256: bytes, answer: Answer) -> dict[str, Any]:
    return {
        "request_sha256": request_sha256,
        "status": answer.status,
        "response": answer.body,
        "recording_id": answer.recording_id,
        "expires_at": _NOW + KEPT,
    }


def _look(connection: Connection, tenant_id: UUID, key: str) -> Kept | None:
    """What is kept under a key; None where the key is free, after it was freed if it had lapsed."""
    mine = (table.c.tenant_id == tenant_id, table.c.key == key)
    lapsed = (table.c.expires_at < _NOW).label("lapsed")
    row = connection.execute(select(table, lapsed).where(*mine)).mappings().one_or_none()
    if row is not None and row["lapsed"]:
        connection.execute(delete(table).where(*mine, table.c.expires_at < _NOW))
        row = None
    if row is None:
        return None
    if row["status"] is None:
        raise RequestInProgress
    answer = Answer(status=row["status"], body=row["response"], recording_id=row["recording_id"], replayed=True)
    return Kept(request_sha256=row["request_sha256"], answer=answer)
