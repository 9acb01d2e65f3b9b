"""API keys: `hs_live_<prefix>_<secret>`. The prefix finds the row and may be shown, of the rest a digest is stored.

A key that was used a moment ago is known without a query; revoking it acts at once in the process that revokes, and in
the others when what they know has aged (`FRESH_SECONDS`).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from time import monotonic
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, RowMapping, func, insert, or_, select, update

from api.audit import audit
from api.db import Database
from api.errors import MissingScope, NotFound, Unauthorized
from api.tables import api_keys, tenants
from api.tenants import TenantLimits

FRESH_SECONDS: Final = 5.0
"""For so long a key is believed to be what it was."""
USE_NOTED_EVERY: Final = timedelta(minutes=1)
PREFIX_CHARACTERS: Final = 12
SECRET_CHARACTERS: Final = 43
"""Of 62 letters and digits: 256 bits."""
_KEY = re.compile(rf"hs_live_([a-z0-9]{{{PREFIX_CHARACTERS}}})_[A-Za-z0-9]{{{SECRET_CHARACTERS}}}", re.ASCII)
_MOST_KNOWN: Final = 10_000


class Scope(StrEnum):
    """What a key may be used for."""

    READ = "read"
    """Recordings, jobs and results of its tenant."""
    WRITE = "write"
    """Submit, cancel, requeue, delete."""
    WEBHOOKS = "webhooks"
    """Webhook endpoints and deliveries."""
    KEYS = "keys"
    """Keys of its tenant, with no more scopes than its own."""
    ADMIN = "admin"
    """Tenants of the installation, and keys for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks: the holder of a key."""

    tenant_id: UUID
    key_prefix: str
    scopes: frozenset[Scope]
    limits: TenantLimits = field(default_factory=TenantLimits)
    request_id: str | None = None
    """The request that the key came with."""

    def demand(self, scope: Scope) -> None:
        """Raise `MissingScope` unless the key has the scope."""
        if scope not in self.scopes:
            message = f"the API key lacks the scope {scope!r}"
            raise MissingScope(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that was just made; `text` is shown this once."""

    text: str
    row: RowMapping


def create_key(
    connection: Connection, tenant_id: UUID, name: str, scopes: Collection[Scope], *, expires_at: datetime | None = None
) -> NewKey:
    """Make a key for a tenant."""
    prefix = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(PREFIX_CHARACTERS))
    secret = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(SECRET_CHARACTERS))
    text = f"hs_live_{prefix}_{secret}"
    values = {
        "tenant_id": tenant_id,
        "name": name,
        "prefix": prefix,
        "secret_sha256": _digest(text),
        "scopes": sorted(scopes),
        "expires_at": expires_at,
    }
    row = connection.execute(insert(api_keys).values(values).returning(api_keys)).mappings().one()
    return NewKey(text=text, row=row)


def issue_key(
    connection: Connection,
    principal: Principal,
    tenant_id: UUID,
    name: str,
    scopes: Collection[Scope],
    *,
    expires_at: datetime | None = None,
) -> NewKey:
    """Make a key on behalf of the holder of another, who can give no scope that it has not.

    Raises:
        MissingScope: the holder's key lacks one of the scopes.
        NotFound: there is no such tenant.
    """
    for scope in scopes:
        principal.demand(scope)
    found = connection.execute(select(tenants.c.id).where(tenants.c.id == tenant_id)).one_or_none()
    if found is None:
        raise NotFound
    key = create_key(connection, tenant_id, name, scopes, expires_at=expires_at)
    audit(connection, tenant_id, principal.key_prefix, "key.created", key.row["id"], principal.request_id)
    return key


def list_keys(connection: Connection, *, before: UUID | None, limit: int) -> Sequence[RowMapping]:
    """Keys of the transaction's tenant, the newest first, those before `before`."""
    statement = select(api_keys).order_by(api_keys.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(api_keys.c.id < before)
    return connection.execute(statement).mappings().all()


def revoke_key(connection: Connection, principal: Principal, key_id: UUID) -> RowMapping:
    """End a key for good; one that has ended already stays as it is. Raises `NotFound`."""
    now = func.clock_timestamp()
    revoked = connection.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.tenant_id == principal.tenant_id)
        .values(revoked_at=func.coalesce(api_keys.c.revoked_at, now))
        .returning(api_keys)
    ).mappings().one_or_none()  # fmt: skip
    if revoked is None:
        raise NotFound
    audit(connection, principal.tenant_id, principal.key_prefix, "key.revoked", key_id, principal.request_id)
    return revoked


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    digest: bytes
    until: float


class KeyRing:
    """Tells who holds a key."""

    def __init__(self, database: Database, clock: Callable[[], float] = monotonic) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, _Known] = {}

    def recall(self, presented: str) -> Principal | None:
        """The holder of a key that was looked up a moment ago, or None; asks nobody. Raises `Unauthorized`."""
        known = self._known.get(_prefix(presented))
        if known is None or known.until <= self._clock():
            return None
        return _checked(known, presented)

    def was_known(self, presented: str) -> bool:
        """Whether a key was good when it was last looked up; raises `Unauthorized`."""
        known = self._known.get(_prefix(presented))
        if known is None:
            return False
        _checked(known, presented)
        return True

    def look_up(self, presented: str) -> Principal:
        """The holder of a key, from the database.

        Raises:
            Unauthorized: the key is malformed, unknown, revoked or expired.
            TemporarilyUnavailable: the database does not answer.
        """
        prefix = _prefix(presented)
        with self._database.system() as connection:
            row = _usable(connection, prefix)
            if row is not None and row["use_is_news"]:
                _note_use(connection, row["id"])
        if row is None:
            self.forget(prefix)
            raise Unauthorized
        known = _Known(_principal(row), row["secret_sha256"], self._clock() + min(FRESH_SECONDS, row["seconds_left"]))
        found = _checked(known, presented)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[prefix] = known
        return found

    def forget(self, prefix: str) -> None:
        """Look a key up when it comes next."""
        self._known.pop(prefix, None)


def _digest(text: str) -> bytes:
    # A single round: what is hashed has 256 random bits, nobody can try them through.
    return hashlib.sha256(text.encode("ascii")).digest()


def _prefix(presented: str) -> str:
    match = _KEY.fullmatch(presented)
    if match is None:
        raise Unauthorized
    return match.group(1)


def _checked(known: _Known, presented: str) -> Principal:
    if not hmac.compare_digest(known.digest, _digest(presented)):
        raise Unauthorized
    return known.principal


def _usable(connection: Connection, prefix: str) -> RowMapping | None:
    now = func.clock_timestamp()
    left = func.coalesce(func.extract("epoch", api_keys.c.expires_at - now), FRESH_SECONDS)
    unnoted = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < now - USE_NOTED_EVERY)
    return connection.execute(
        select(
            *api_keys.c["id", "tenant_id", "prefix", "secret_sha256", "scopes"],
            *tenants.c["max_queued", "max_requests_per_minute", "source_buckets"],
            left.label("seconds_left"),
            unnoted.label("use_is_news"),
        )
        .join(tenants, tenants.c.id == api_keys.c.tenant_id)
        .where(api_keys.c.prefix == prefix, api_keys.c.revoked_at.is_(None))
        .where(or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now))
    ).mappings().one_or_none()  # fmt: skip


def _note_use(connection: Connection, key_id: UUID) -> None:
    connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=func.clock_timestamp()))


def _principal(row: RowMapping) -> Principal:
    limits = TenantLimits(
        max_queued=row["max_queued"],
        max_requests_per_minute=row["max_requests_per_minute"],
        source_buckets=tuple(row["source_buckets"]),
    )
    scopes = frozenset(Scope(scope) for scope in row["scopes"])
    return Principal(tenant_id=row["tenant_id"], key_prefix=row["prefix"], scopes=scopes, limits=limits)
