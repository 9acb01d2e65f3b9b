"""What happened, for those who want to be told. An event is written in the transaction that it tells of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, RowMapping
from sqlalchemy.dialects.postgresql import insert

from api.states import TERMINAL, JobState
from api.tables import outbox


class EventType(StrEnum):
    """What can be told."""

    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"
    JOB_CANCELLED = "job.cancelled"
    JOB_DEAD = "job.dead"
    RECORDING_DELETED = "recording.deleted"
    ENDPOINT_TEST = "webhook.test"


_ONCE: Final = insert(outbox).on_conflict_do_nothing()
_ENDS: Final[Mapping[JobState, EventType]] = {state: EventType(f"job.{state}") for state in TERMINAL}


def record_end(connection: Connection, job: RowMapping) -> None:
    """Tell that a job has ended, if it has. Thin: ids and the state; what was said is fetched with a key."""
    kind = _ENDS.get(JobState(job["state"]))
    if kind is None:
        return
    data = {
        "job_id": str(job["id"]),
        "recording_id": str(job["recording_id"]),
        "state": job["state"],
        "error": job["error_type"] and {"type": job["error_type"], "detail": job["error_detail"]},
    }
    named = [UUID(one) for one in job["options"].get("callback_endpoints", ())]
    record(connection, job["tenant_id"], kind, data, recording_id=job["recording_id"], job_id=job["id"], named=named)


def record(
    connection: Connection,
    tenant_id: UUID,
    kind: EventType,
    data: Mapping[str, Any],
    *,
    recording_id: UUID | None = None,
    job_id: UUID | None = None,
    event_id: UUID | None = None,
    named: Sequence[UUID] = (),
) -> None:
    """Put an event into the outbox, under an id of its own or the given one.

    `named` endpoints are told, whatever they subscribe to, and no others; where none are named, all that subscribe.
    They are kept here, for the job that named them may be erased before anybody is told.

    A second one of the same job and type changes nothing.
    """
    row = {
        "tenant_id": tenant_id,
        "type": kind,
        "data": data,
        "recording_id": recording_id,
        "job_id": job_id,
        "named_endpoints": list(named) or None,
    }
    if event_id is not None:
        row["id"] = event_id
    connection.execute(_ONCE, row)
