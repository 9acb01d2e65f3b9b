"""An archive that has waited for hours is not put off for ever by those who come after it.

Workers take interactive jobs first. As long as there are enough of those, nothing else would run: so now and then the
oldest backfill job goes out among them. Only one at a time, so that an interactive job never finds more than one before
it; and a worker that keeps a slot for interactive jobs does not take it in that slot (`workers.lanes`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, func, text, update

from api.db import Database
from api.errors import TemporarilyUnavailable
from api.jobs.admission import wait_again
from api.jobs.transition import is_in
from api.queue import Lane, Queue
from api.states import JobState, Pool
from api.tables import jobs

PROMOTED_AFTER: Final = timedelta(hours=6)

_OLDEST = text(
    """
    WITH oldest AS (
        SELECT waiting.*
        FROM tenants tenant
        CROSS JOIN LATERAL (
            SELECT job.id, job.created_at
            FROM jobs job
            WHERE job.tenant_id = tenant.id AND job.pool = :pool AND job.priority = 'backfill'
              AND job.state = 'queued' AND job.admitted_at IS NULL
              AND (job.not_before IS NULL OR job.not_before <= clock_timestamp())
            ORDER BY job.id
            LIMIT 1
        ) waiting
        UNION ALL
        SELECT job.id, job.created_at
        FROM jobs job
        WHERE job.pool = :pool AND job.priority = 'backfill' AND job.state = 'queued' AND job.admitted_at IS NOT NULL
    )
    SELECT id FROM oldest
    WHERE created_at < statement_timestamp() - CAST(:age AS interval) AND NOT EXISTS (
        SELECT FROM jobs job
        WHERE job.pool = :pool AND job.state = 'queued' AND job.admitted_at IS NOT NULL
          AND job.promoted_at = job.admitted_at
    )
    ORDER BY id
    LIMIT 1
    """
)


def promote(database: Database, queue: Queue, pool: Pool) -> int:
    """Send the oldest backfill job of a pool ahead, if it has waited for six hours and no other is ahead; how many.

    One that was sent already is sent once more: the second of its messages that is taken does nothing. Where Redis does
    not answer, its turn comes again.
    """
    with database.system() as connection:
        promoted = _promoted(connection, pool)
    if promoted is None:
        return 0
    try:
        queue.send(pool, [promoted], Lane.PROMOTED)
    except TemporarilyUnavailable:
        with database.system() as connection:
            wait_again(connection, [promoted])
        raise
    return 1


def _promoted(connection: Connection, pool: Pool) -> UUID | None:
    oldest = connection.execute(_OLDEST, {"pool": pool, "age": PROMOTED_AFTER}).scalar_one_or_none()
    if oldest is None:
        return None
    now = func.statement_timestamp()
    still_waits = (jobs.c.id == oldest, jobs.c.pool == pool, is_in(JobState.QUEUED))
    mark = update(jobs).where(*still_waits).values(admitted_at=now, promoted_at=now).returning(jobs.c.id)
    promoted: UUID | None = connection.execute(mark).scalar_one_or_none()
    return promoted
