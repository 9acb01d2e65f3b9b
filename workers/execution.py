"""One job, from the message that names it to the row that says what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Connection, select

from api import tracing
from api.errors import JobCancelled, OwnershipLost, TemporarilyUnavailable
from api.jobs import lease
from api.jobs.lease import Claim, Outcome
from api.jobs.reaping import lose
from api.logging import where
from api.states import Pool
from api.tables import attempts
from api.tracing import Kind, Span
from pipeline.errors import DeviceLost, HansardError
from workers.context import Context
from workers.ending import end_at_once
from workers.keeper import Keeper, WorkerStopping
from workers.metrics import ATTEMPTS, RUNNING
from workers.retry import GiveUp, decide, known_error

log = structlog.get_logger()

WAITS: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between tries to write how a job ended, while the database does not answer; after that the lease runs out."""


def execute(context: Context, job_id: UUID, pool: Pool) -> bool:
    """Take a job, do the work of a pool, write what came of it; False where there was nothing to take.

    Raises nothing: a job's failure is its row's business.
    """
    if context.stopping.is_set():
        return False
    try:
        with context.service.database.system() as connection:
            held = lease.claim(connection, job_id, pool, context.name, context.rhythm.lease)
    except TemporarilyUnavailable:
        log.warning("claim.failed", job_id=str(job_id))
        return False
    if held is None:
        return False
    bound = {"job_id": str(job_id), "tenant_id": str(held.tenant_id), "request_id": held.request_id, "pool": str(pool)}
    with (
        tracing.span(f"job.{pool}", parent=held.traceparent, kind=Kind.CONSUMER, **bound) as span,
        structlog.contextvars.bound_contextvars(**bound, **tracing.log_fields()),
    ):
        span.set(recording_id=held.recording_id, attempt=held.attempt, fence=held.fence, worker=context.name)
        _run(context, held, span)
    return True


def _run(context: Context, held: Claim, span: Span) -> None:
    started = time.monotonic()
    log.info("job.started", attempt=held.attempt, fence=held.fence)
    try:
        with RUNNING.labels(held.pool).track_inprogress():
            outcome = _attempt(context, held, span)
    except OwnershipLost:
        # Somebody else has the job by now. All that was computed here is void; nothing was written.
        outcome = "lost"
    except TemporarilyUnavailable:
        # The lease runs out and the job goes back to the queue.
        outcome = "unsettled"
    ATTEMPTS.labels(held.pool, outcome).inc()
    span.set(outcome=outcome)
    log.info("job.left", outcome=outcome, seconds=round(time.monotonic() - started, 3))


def _attempt(context: Context, held: Claim, span: Span) -> str:
    """Do the work under a lease that is kept; what became of it, in a word."""
    try:
        with (
            Keeper(context.service.database, held, context.rhythm, context.stopping, end_at_once) as keeper,
            context.room.entered(alone=held.crash_count > 0, check=keeper.alive),
        ):
            context.work[held.pool](context, held, keeper)
    except JobCancelled:
        settle(context, held, lambda connection: lease.cancel(connection, held))
        return "cancelled"
    except WorkerStopping:
        return settle(context, held, lambda connection: lease.release(connection, held))
    except OwnershipLost:
        raise
    except DeviceLost as error:
        tracing.note_error(span, error)
        return _device_lost(context, held, error)
    except Exception as error:  # noqa: BLE001 - whatever happens, the job must not be left to its lease
        tracing.note_error(span, error)
        return _failed(context, held, error)
    return "done"


def _device_lost(context: Context, held: Claim, error: DeviceLost) -> str:
    """Give up the job that found out, as if its worker were lost, and the process with it.

    The jobs beside it find the same, and are given back: one of them may be at fault, and then takes down a process
    that it has to itself.
    """
    if context.stopping.is_set() or not context.first_to_lose_the_device.acquire(blocking=False):
        return settle(context, held, lambda connection: lease.release(connection, held))
    context.stopping.set()
    try:
        settle(context, held, lambda connection: lose(connection, held, error))
    finally:
        context.end()
    return "device_lost"


def _failed(context: Context, held: Claim, error: Exception) -> str:
    """Write that an attempt failed: the job is tried again, or has failed."""
    known = known_error(error)
    log.warning("job.attempt_failed", error=known.slug, **_surprise(error))

    def write(connection: Connection) -> Outcome:
        decision = decide(known, lease.failures_of(connection, held, known), context.chance)
        if isinstance(decision, GiveUp):
            return lease.fail(connection, held, known)
        return lease.retry(connection, held, decision.after, known)

    return settle(context, held, write)


def settle(context: Context, held: Claim, write: Callable[[Connection], Outcome]) -> Outcome:
    """Run the transaction that ends an attempt, until it is known to have happened or not; what it gave, in a word.

    Where the answer to a COMMIT is lost it may have happened: tried again it finds the fence gone, and the row of the
    attempt tells whether that was us.

    Raises:
        OwnershipLost: the job was no longer ours, nothing was written.
        TemporarilyUnavailable: the database did not answer for half a minute.
    """
    for wait in (*WAITS, None):
        try:
            return _written(context, held, write)
        except TemporarilyUnavailable:
            if wait is None:
                raise
            time.sleep(wait)
    raise AssertionError  # the last wait is None


def _written(context: Context, held: Claim, write: Callable[[Connection], Outcome]) -> Outcome:
    try:
        with context.service.database.system() as connection:
            return write(connection)
    except OwnershipLost:
        ended = _ended(context, held)
        if ended is None:
            raise
        return ended


def _ended(context: Context, held: Claim) -> Outcome | None:
    """The end that this attempt has written itself, if it has."""
    with context.service.database.system() as connection:
        found = select(attempts.c.outcome).where(attempts.c.fence == held.fence)
        outcome = connection.execute(found).scalar_one_or_none()  # gone where the recording was deleted
    return None if outcome is None or outcome == Outcome.LOST else Outcome(outcome)


def _surprise(error: Exception) -> dict[str, object]:
    """Where an error that is not one of ours comes from, for the log."""
    return {} if isinstance(error, HansardError) else {"where": where(error)}
