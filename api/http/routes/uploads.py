"""`/v1/uploads`: large files go straight to the object store, with a signed form."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.responses import Response

from api.http.answers import answer, kept_answer
from api.http.bodies import json_body, request_body
from api.http.problems import responses
from api.http.routes.recordings import SUBMITTING, IdempotencyKey, Parts, Writer
from api.http.schemas import Job, Recording, RecordingWithJob, UploadStarted, UploadTarget
from api.idempotency import Answer, checked, once
from api.options import SubmissionOptions
from api.recordings.submission import Submission, check_model, enter, new_recording_id
from api.recordings.uploads import FORM_VALID, complete_upload, upload_form
from api.sources import SourceKind

router = APIRouter(prefix="/v1", tags=["recordings"])
Wanted = Annotated[SubmissionOptions, Depends(json_body(SubmissionOptions))]


@router.post(
    "/uploads",
    status_code=201,
    response_model=UploadStarted,
    openapi_extra=request_body(SubmissionOptions),
    responses=responses(*SUBMITTING, "malformed-json", "payload-too-large", "unsupported-media-type"),
)
def start(principal: Writer, parts: Parts, wanted: Wanted, idempotency_key: IdempotencyKey = None) -> Response:
    """Begin an upload: a recording that waits for its file, and a form to send the file with within the hour."""
    key, service = checked(idempotency_key), parts.service
    check_model(wanted, service.settings)
    submission = Submission(
        recording_id=new_recording_id(),
        kind=SourceKind.UPLOAD,
        options=wanted,
        file_name="",
        awaits_upload=True,
    )
    form = upload_form(service, principal.tenant_id, submission.recording_id)
    target = UploadTarget(
        url=form.url,
        fields=dict(form.fields),
        max_bytes=service.settings.max_upload_bytes,
        expires_at=datetime.now(UTC) + FORM_VALID,
    )

    def act(connection: Connection) -> Answer:
        entry = enter(connection, principal, parts.quota, submission)
        shown = UploadStarted(recording=Recording.of(entry.recording), job=Job.of(entry.job), upload=target)
        return Answer(status=201, body=shown.model_dump(mode="json"), recording_id=submission.recording_id)

    digest = hashlib.sha256(b"upload\0" + wanted.model_dump_json().encode()).digest()
    told = once(service.database, principal.tenant_id, key, digest, act)
    return kept_answer(told, {"Location": told.body["job"]["links"]["recording"]})


@router.post(
    "/recordings/{recording_id}/complete",
    status_code=202,
    response_model=RecordingWithJob,
    responses=responses("not-found", "recording-deleted", "source-not-found"),
)
def complete(recording_id: UUID, principal: Writer, parts: Parts) -> Response:
    """Say that the file of an upload is there: its job is queued. A second time changes nothing."""
    found = complete_upload(parts.service, principal, recording_id)
    parts.admitter.wake()
    return answer(RecordingWithJob.of(found), 202)
