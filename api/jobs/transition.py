"""The one statement that changes the state of a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, RowMapping, TextClause, func, text, update

from api.states import TERMINAL, JobState, sources_of
from api.tables import jobs

NOW: Final = func.clock_timestamp()
_NOT_LEASED: Final[Mapping[str, Any]] = {"lease_owner": None, "lease_until": None}


def transition(
    connection: Connection,
    job_id: UUID,
    to: JobState,
    *,
    fence: int | None = None,
    asked: bool = False,
    **values: object,
) -> RowMapping | None:
    """Move a job to a state, and set `values` with it; the row as it is then, or None where it may not move.

    It may not where `TRANSITIONS` knows no such way. Who gives a `fence` speaks for a claim: the job has to be running,
    and no other claim may have come since. A worker that was taken for lost must write nothing, also not while the job
    waits for the next. Nothing that somebody asked to stop is queued; `asked` moves it only if somebody did.
    """
    sources = sources_of(to) if fence is None else {JobState.RUNNING} & sources_of(to)
    settled = {} if to is JobState.RUNNING else dict(_NOT_LEASED)
    if to in TERMINAL:
        settled |= {"finished_at": NOW, "admitted_at": None}
    if to is JobState.QUEUED:
        settled |= {"queued_at": NOW, "admitted_at": None}
    statement = (
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state.in_(sources))
        .values(state=to, **(settled | values))
        .returning(jobs)
    )
    if fence is not None:
        statement = statement.where(still_held(fence))
    if to is JobState.QUEUED:
        statement = statement.where(jobs.c.cancel_requested_at.is_(None))
    if asked:
        statement = statement.where(jobs.c.cancel_requested_at.is_not(None))
    return connection.execute(statement).mappings().one_or_none()


def is_in(state: JobState, *conditions: str) -> TextClause:
    """The condition that a job is in a state, as literals: a prepared statement still finds the partial indexes."""
    return text(" AND ".join((f"jobs.state = '{state}'", *conditions)))


def still_held(fence: int) -> ColumnElement[bool]:
    """The condition that no other claim has come since this one."""
    return jobs.c.fence == fence
