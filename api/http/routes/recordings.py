"""`/v1/recordings`: submit, list, get, delete."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection
from starlette.responses import Response

from api.http.answers import REPLAYED, CursorText, Limit, Place, answer, kept_answer, page
from api.http.authentication import Principal, Scope, require
from api.http.bodies import JSON, MULTIPART, media_type, parse, read_body, reference
from api.http.file_submission import accepted, submit_file
from api.http.moments import Moment
from api.http.problems import Invalid, ProblemEntry, UnsupportedMediaType, responses
from api.http.schemas import DeletionShown, RecordingList, RecordingWithJob, UrlSubmission
from api.http.state import Shared, shared
from api.http.upload import refuse_too_large
from api.idempotency import Answer, checked, once
from api.options import SubmissionOptions
from api.recordings.erasure import delete_recording
from api.recordings.reading import RecordingFilter, get_recording, list_recordings
from api.recordings.sources import checked_source, name_in
from api.recordings.submission import Submission, check_model, enter, new_recording_id
from api.states import JobState

router = APIRouter(prefix="/v1/recordings", tags=["recordings"])
Reader = Annotated[Principal, Depends(require(Scope.READ))]
Writer = Annotated[Principal, Depends(require(Scope.WRITE))]
Parts = Annotated[Shared, Depends(shared)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="1 to 255 printable ASCII characters. The same key with the same request has one effect, and is "
        "answered the same, for 24 hours.",
    ),
]
SUBMITTING: Final = ("idempotency-key-invalid", "idempotency-key-reused", "request-in-progress", "queue-quota-exceeded")
_ACCEPTED: Final = {
    "description": "Accepted; the job is queued.",
    "headers": {
        "Location": {"schema": {"type": "string"}, "description": "The job."},
        REPLAYED: {"schema": {"type": "string"}, "description": "`true` where the request was answered before."},
    },
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": reference(UrlSubmission)},
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "options": reference(SubmissionOptions),
                        "file": {"type": "string", "format": "binary"},
                    },
                },
                "encoding": {"options": {"contentType": JSON}},
            },
        },
    }
}


@router.post(
    "",
    status_code=202,
    response_model=RecordingWithJob,
    openapi_extra=_BODY,
    responses={
        **responses(
            *(*SUBMITTING, "malformed-json", "payload-too-large", "unsupported-media-type"),
            *("url-not-allowed", "bucket-not-allowed", "source-too-slow"),
        ),
        202: _ACCEPTED,
    },
)
async def submit(request: Request, principal: Writer, parts: Parts, idempotency_key: IdempotencyKey = None) -> Response:
    """Submit a recording: a file as multipart/form-data, with `options` as JSON beside it, or an address as JSON."""
    key = checked(idempotency_key)
    kind = media_type(request)
    if kind == JSON:
        wanted = parse(UrlSubmission, await read_body(request))
        told = await run_in_threadpool(_submit_address, parts, principal, key, wanted)
    elif kind == MULTIPART:
        refuse_too_large(request, parts.service.settings.max_upload_bytes)
        told = await submit_file(request, parts, principal, key)
    else:
        message = f"send a file as {MULTIPART}, or an address as {JSON}"
        raise UnsupportedMediaType(message)
    parts.admitter.wake()
    return kept_answer(told, {"Location": told.body["job"]["links"]["self"]})


@router.get("", response_model=RecordingList, responses=responses("invalid-cursor"))
def list_all(
    principal: Reader,
    parts: Parts,
    status: Annotated[JobState | None, Query(description="State of the latest job.")] = None,
    created_after: Annotated[Moment | None, Query(description="This moment, or later.")] = None,
    created_before: Annotated[Moment | None, Query(description="Before this moment.")] = None,
    metadata: Annotated[
        list[str] | None, Query(max_length=10, description="`key=value`, which the recording's metadata must hold.")
    ] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Response:
    """List recordings with their latest jobs, the newest first."""
    wanted = RecordingFilter(
        status=status,
        created_after=created_after,
        created_before=created_before,
        metadata=dict(_pair(text) for text in metadata or ()),
    )
    place = Place(parts.cursors, principal, "recordings", status, created_after, created_before, sorted(metadata or ()))
    position = place.read(cursor)
    with parts.service.database.tenant(principal.tenant_id) as connection:
        before = UUID(str(position[0])) if position else None
        found = list_recordings(connection, principal.tenant_id, wanted, before=before, limit=limit + 1)
    items, following = page(found, limit, lambda one: [str(one.recording["id"])], place.write)
    return answer(RecordingList(items=[RecordingWithJob.of(one) for one in items], next_cursor=following))


@router.get("/{recording_id}", response_model=RecordingWithJob, responses=responses("not-found", "recording-deleted"))
def get(recording_id: UUID, principal: Reader, parts: Parts) -> Response:
    """Get a recording with its latest job."""
    with parts.service.database.tenant(principal.tenant_id) as connection:
        return answer(RecordingWithJob.of(get_recording(connection, principal.tenant_id, recording_id)))


@router.delete(
    "/{recording_id}",
    status_code=202,
    response_model=DeletionShown,
    responses=responses("not-found", "recording-deleted"),
)
def delete(recording_id: UUID, principal: Writer, parts: Parts) -> Response:
    """Delete a recording with its jobs and results: rows, files in every version, and what is half done."""
    row = delete_recording(
        parts.service,
        principal.tenant_id,
        recording_id,
        actor=principal.key_prefix,
        request_id=principal.request_id,
    )
    return answer(DeletionShown(**{name: row[name] for name in DeletionShown.model_fields}), 202)


def _submit_address(parts: Shared, principal: Principal, key: str | None, wanted: UrlSubmission) -> Answer:
    kind = checked_source(wanted.url, principal, parts.service.settings)
    check_model(wanted, parts.service.settings)
    submission = Submission(
        recording_id=new_recording_id(), kind=kind, options=wanted, file_name=name_in(wanted.url), source=wanted.url
    )
    digest = hashlib.sha256(wanted.model_dump_json().encode()).digest()

    def act(connection: Connection) -> Answer:
        return accepted(enter(connection, principal, parts.quota, submission))

    return once(parts.service.database, principal.tenant_id, key, digest, act)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key or "\x00" in text:
        raise Invalid([ProblemEntry(pointer="/metadata", detail="give metadata as key=value")])
    return key, value
