"""What was seen of a run: every change of a job's row, every end of an attempt, and what was there in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One write of a job's row, as the database committed it."""

    job: UUID
    transaction: int
    before: str | None
    """State before; None where the job was made."""
    after: str
    pool: str
    fence: int | None
    crash_count: int
    progress: float
    at: float
    """Seconds since 1970, by the database's clock, as all times here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One write of how an attempt ended."""

    job: UUID
    transaction: int
    fence: int
    before: str | None
    """How it had ended according to an earlier write; None where there was none."""
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """One write of a row that says where an object is."""

    job: UUID
    key: str
    sha256: str
    at: float
    """Before the transaction was committed: nobody else has seen the row by then."""
    stored_at: float | None = None
    """When the whole object was in the store for the first time, by the clock of the same machine; None for never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One claim of a job, as it stands in the end."""

    job: UUID
    number: int
    pool: str
    fence: int
    worker: str
    started_at: float
    ended_at: float | None
    outcome: str | None
    error: str | None = None
    """Its slug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """A worker that was killed."""

    worker: str
    """As rows name it."""
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A row of `transcripts`, with what it points to."""

    job: UUID
    fences: frozenset[int]
    """Fences in the keys of its objects."""
    files: frozenset[str]
    """Names of its files."""
    missing: tuple[str, ...]
    """Objects that are not there, or not what their digest says."""
    turns: tuple[tuple[str | None, str], ...]
    """Speaker and text, in order."""
    speakers: tuple[str, ...]
    """In order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A row of the outbox."""

    event: UUID
    job: UUID
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A recording, with a job of it."""

    recording: UUID
    key: str | None
    """The idempotency key that it was sent under."""
    job: UUID | None
    """None where it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What has to become of a job."""

    state: str
    turns: tuple[tuple[str | None, str], ...]
    speakers: tuple[str, ...]
    files: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A whole run. What belongs to one job is in the order in which it was committed."""

    sent: frozenset[str]
    """Idempotency keys of all submissions."""
    answered: Mapping[str, frozenset[UUID]]
    """By key, the jobs that answers named; also those answers that got lost on their way."""
    accepted: Mapping[UUID, Expected]
    """Every job whose submission was answered."""
    entered: tuple[Entered, ...]
    changes: tuple[Change, ...]
    ends: tuple[End, ...]
    pointers: tuple[Pointer, ...]
    attempts: tuple[Attempt, ...]
    results: tuple[Result, ...]
    strays: tuple[str, ...]
    """Keys of objects that have neither a recording nor an upload that may become one."""
    late: frozenset[str]
    """Keys of objects that arrived after their sender had given up."""
    told: tuple[Told, ...]
    received: Mapping[UUID, tuple[str, ...]]
    """By webhook-id, the digests of the bodies that came under it."""
