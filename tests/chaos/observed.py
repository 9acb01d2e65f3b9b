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
class Expected:
    """What has to become of a job."""

    state: str
    turns: tuple[tuple[str | None, str], ...]
    speakers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A whole run. What belongs to one job is in the order in which it was committed."""

    accepted: Mapping[UUID, Expected]
    """Every job whose submission was answered."""
    changes: tuple[Change, ...]
    ends: tuple[End, ...]
    attempts: tuple[Attempt, ...]
    results: tuple[Result, ...]
    told: tuple[Told, ...]
    received: Mapping[UUID, tuple[str, ...]]
    """By webhook-id, the digests of the bodies that came under it."""
