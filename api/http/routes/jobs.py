"""`/v1/jobs`: list, get, follow, cancel, run once more."""

from __future__ import annotations

import hashlib
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection
from starlette.responses import Response, StreamingResponse

from api.http.answers import CursorText, Limit, Place, answer, kept_answer, page
from api.http.authentication import recheck
from api.http.following import follow
from api.http.problems import responses
from api.http.routes.recordings import SUBMITTING, IdempotencyKey, Parts, Reader, Writer
from api.http.schemas import Job, JobList
from api.http.state import Shared
from api.idempotency import Answer, checked, once
from api.progress import find_job
from api.recordings.reading import list_jobs
from api.recordings.steering import cancel_job, requeue_job
from api.states import JobState

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
_EVENT: Final = {
    "type": "object",
    "properties": {
        "event": {"enum": ["progress", "end", "error"]},
        "data": {"type": "string", "description": "JSON: the job, or the problem of an `error`."},
    },
}


@router.get("", response_model=JobList, responses=responses("invalid-cursor"))
def list_all(
    principal: Reader,
    parts: Parts,
    state: JobState | None = None,
    recording_id: Annotated[UUID | None, Query(description="Jobs of this recording only.")] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Response:
    """List jobs, the newest first."""
    place = Place(parts.cursors, principal, "jobs", state, recording_id)
    position = place.read(cursor)
    before = UUID(str(position[0])) if position else None
    with parts.service.database.tenant(principal.tenant_id) as connection:
        found = list_jobs(
            connection, principal.tenant_id, state=state, recording_id=recording_id, before=before, limit=limit + 1
        )
    items, following = page(found, limit, lambda row: [str(row["id"])], place.write)
    return answer(JobList(items=[Job.of(row) for row in items], next_cursor=following))


@router.get("/{job_id}", response_model=Job, responses=responses("not-found", "recording-deleted"))
def get(job_id: UUID, principal: Reader, parts: Parts) -> Response:
    """Get a job as it stands."""
    return answer(_read(parts, principal.tenant_id, job_id))


@router.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    responses={
        **responses("not-found", "recording-deleted"),
        200: {
            "description": "Server-sent events: `progress` whenever the job has changed, `end` when it has ended, each "
            "with the job as its data.",
            "content": {"text/event-stream": {"schema": _EVENT}},
        },
    },
)
async def events(job_id: UUID, request: Request, principal: Reader, parts: Parts) -> Response:
    """Follow a job until it has ended. Where the stream ends before the job, ask again."""
    still_allowed = recheck(request)

    def read() -> Job:
        still_allowed()
        return _read(parts, principal.tenant_id, job_id)

    first = await run_in_threadpool(read)
    return StreamingResponse(
        follow(first, read, request.state.request_id, parts.stopping),
        media_type="text/event-stream",
        # Proxies must pass each event on as it comes.
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.post(
    "/{job_id}/cancel",
    status_code=202,
    response_model=Job,
    responses=responses("not-found", "recording-deleted", "job-already-finished"),
)
def cancel(job_id: UUID, principal: Writer, parts: Parts) -> Response:
    """Stop a job: one that waits at once, one that runs within seconds."""
    with parts.service.database.tenant(principal.tenant_id) as connection:
        return answer(Job.of(cancel_job(connection, principal, job_id)), 202)


@router.post(
    "/{job_id}/requeue",
    status_code=202,
    response_model=Job,
    responses=responses("not-found", "recording-deleted", "result-not-ready", *SUBMITTING),
)
def requeue(job_id: UUID, principal: Writer, parts: Parts, idempotency_key: IdempotencyKey = None) -> Response:
    """Run an ended job once more: a new job of the same recording and options."""
    key = checked(idempotency_key)

    def act(connection: Connection) -> Answer:
        row = requeue_job(connection, principal, parts.quota, job_id)
        return Answer(status=202, body=Job.of(row).model_dump(mode="json"), recording_id=row["recording_id"])

    digest = hashlib.sha256(b"requeue\0" + job_id.bytes).digest()
    told = once(parts.service.database, principal.tenant_id, key, digest, act)
    parts.admitter.wake()
    return kept_answer(told, {"Location": told.body["links"]["self"]})


def _read(parts: Shared, tenant_id: UUID, job_id: UUID) -> Job:
    with parts.service.database.tenant(tenant_id) as connection:
        return Job.of(find_job(connection, tenant_id, job_id))
