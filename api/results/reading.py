"""Results as clients want them: a transcript in any format, turns page by page, turns that hold words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, RowMapping, func, select, text, tuple_

from api.bootstrap import Service
from api.errors import ObjectNotFound, ResultNotReady, StorageUnavailable
from api.recordings.reading import get_recording
from api.tables import recordings, transcripts, turns
from pipeline.formats import FORMATS, find, write_bytes
from pipeline.formats.native import parse
from pipeline.formats.registry import ALIASES

NATIVE: Final = "json"
NATIVE_FILE: Final = "transcript.json"
TRANSCRIPT_FORMATS: Final = (*FORMATS, *ALIASES)
_UNSAFE = re.compile(r"[^\w .()-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A transcript as a file."""

    content: bytes
    media_type: str
    file_name: str
    """From the recording's name; letters, digits, spaces and `.()-_` only."""


def current_transcript(connection: Connection, tenant_id: UUID, recording_id: UUID) -> RowMapping:
    """The latest result of a recording, with the recording's name.

    Raises:
        NotFound, RecordingDeleted: there is no such recording.
        ResultNotReady: no job of it has succeeded.
    """
    found = connection.execute(
        select(transcripts, recordings.c.name)
        .join(recordings, recordings.c.id == transcripts.c.recording_id)
        .where(transcripts.c.recording_id == recording_id, transcripts.c.tenant_id == tenant_id)
        .where(transcripts.c.current, recordings.c.deleted_at.is_(None))
    ).mappings().one_or_none()  # fmt: skip
    if found is not None:
        return found
    job = get_recording(connection, tenant_id, recording_id).job
    message = f"the job is {job['state']}" + (f": {job['error_type']}" if job["error_type"] else "")
    raise ResultNotReady(message)


def read_transcript(service: Service, tenant_id: UUID, recording_id: UUID, name: str = NATIVE) -> Document:
    """The transcript of a recording in a format; made from the stored one, in which nothing is lost.

    Raises:
        NotFound, RecordingDeleted: there is no such recording.
        ResultNotReady: no job of it has succeeded.
        InvalidOption: there is no such format.
        StorageUnavailable: the object store does not answer, or does not have what it should.
    """
    wanted = find(name)
    with service.database.tenant(tenant_id) as connection:
        row = current_transcript(connection, tenant_id, recording_id)
    try:
        native = service.objects.get(row["artefacts"][NATIVE_FILE]["key"])
    except ObjectNotFound as error:
        message = "the result is not where it was put; it may be being deleted"
        raise StorageUnavailable(message) from error
    content = native if wanted.name == NATIVE else write_bytes(parse(native), wanted.name)
    stem = _UNSAFE.sub("_", row["name"]).strip(" ._")[:100] or "transcript"
    return Document(content=content, media_type=wanted.media_type, file_name=f"{stem}{wanted.suffix}")


def list_turns(connection: Connection, job_id: UUID, *, after: int | None, limit: int) -> Sequence[RowMapping]:
    """Turns of a result in order, those after a number."""
    statement = select(turns).where(turns.c.job_id == job_id).order_by(turns.c.number).limit(limit)
    if after is not None:
        statement = statement.where(turns.c.number > after)
    return connection.execute(statement).mappings().all()


def search_turns(
    connection: Connection, tenant_id: UUID, query: str, *, before: tuple[UUID, int] | None, limit: int
) -> Sequence[RowMapping]:
    """Turns of current results that hold what is asked for, in the syntax of web searches; newest recordings first.

    In a transaction of the system's: under row level security nothing that could leak what it sees, as `@@` could, may
    look at a row before its tenant was compared, and so serves no index. Hence the tenant is compared here, in every
    table.
    """
    # Rare words are quickest found by the index, common ones by going back from the newest recording.
    connection.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
    wanted = func.websearch_to_tsquery("simple", query)
    statement = (
        select(turns)
        .join(transcripts, transcripts.c.job_id == turns.c.job_id)
        .join(recordings, recordings.c.id == turns.c.recording_id)
        .where(*(table.c.tenant_id == tenant_id for table in (turns, transcripts, recordings)))
        .where(turns.c.search.op("@@")(wanted), transcripts.c.current, recordings.c.deleted_at.is_(None))
        .order_by(turns.c.recording_id.desc(), turns.c.number.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(tuple_(turns.c.recording_id, turns.c.number) < before)
    return connection.execute(statement).mappings().all()
