"""Reads a finished run out of the database and the object store."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Connection, Double, cast, func, select, text, union

from api.bootstrap import Service
from api.errors import ObjectNotFound
from api.tables import attempts, jobs, outbox, recordings, speakers, stage_outputs, transcripts, turns, uploads
from tests.chaos import recorder
from tests.chaos.observed import Attempt, Entered, History, Pointer, Result, Told
from tests.chaos.store_proxy import Copy
from tests.chaos.submission import KEY, Submitter

READERS: Final = 8
_FENCE: Final = re.compile(r"/results/(\d+)/")


def history(
    service: Service,
    submitter: Submitter,
    written: Mapping[str, Sequence[Copy]],
    received: Mapping[UUID, Sequence[str]],
) -> History:
    """All of a run; `written` is what the object store has taken, by key, `received` what the webhooks brought."""
    with service.database.engine.begin() as connection:
        # The objects of a large run take minutes to read.
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        return History(
            sent=frozenset(submitter.sent),
            answered={key: frozenset(named) for key, named in submitter.way.jobs.items()},
            accepted=submitter.accepted,
            entered=_entered(connection),
            changes=recorder.changes(connection),
            ends=recorder.ends(connection),
            pointers=tuple(_dated(one, written) for one in recorder.pointers(connection)),
            attempts=_attempts(connection),
            results=_results(service, connection),
            strays=_strays(service, connection, written),
            late=frozenset(key for key, copies in written.items() if any(copy.late for copy in copies)),
            told=_told(connection),
            received={event: tuple(bodies) for event, bodies in received.items()},
        )


def _strays(service: Service, connection: Connection, keys: Iterable[str]) -> tuple[str, ...]:
    """Which of the objects are there, and have neither a recording nor an upload that may become one."""
    known = set(connection.execute(union(select(recordings.c.id), select(uploads.c.recording_id))).scalars())
    return tuple(key for key in keys if UUID(key.split("/")[3]) not in known and _is_there(service, key))


def _is_there(service: Service, key: str) -> bool:
    try:
        service.objects.size(key)
    except ObjectNotFound:
        return False
    return True


def _entered(connection: Connection) -> tuple[Entered, ...]:
    columns = (recordings.c.id, recordings.c.metadata[KEY].astext.label("key"), jobs.c.id.label("job"))
    both = recordings.outerjoin(jobs, jobs.c.recording_id == recordings.c.id)
    rows = connection.execute(select(*columns).select_from(both).order_by(recordings.c.id))
    return tuple(Entered(recording=row.id, key=row.key, job=row.job) for row in rows)


def _dated(pointer: Pointer, written: Mapping[str, Sequence[Copy]]) -> Pointer:
    whole = [copy.at for copy in written.get(pointer.key, ()) if copy.sha256 == pointer.sha256]
    return replace(pointer, stored_at=min(whole, default=None))


def _attempts(connection: Connection) -> tuple[Attempt, ...]:
    columns = (
        *(attempts.c.job_id.label("job"), attempts.c.number, attempts.c.pool, attempts.c.fence, attempts.c.worker),
        *(attempts.c.outcome, _seconds(attempts.c.started_at), _seconds(attempts.c.ended_at)),
        attempts.c.error_type.label("error"),
    )
    rows = connection.execute(select(*columns).order_by(attempts.c.fence)).mappings()
    return tuple(Attempt(**row) for row in rows)


def _seconds(moment: Column[datetime]) -> ColumnElement[float]:
    return cast(func.extract("epoch", moment), Double).label(moment.name)


def _results(service: Service, connection: Connection) -> tuple[Result, ...]:
    said: defaultdict[UUID, list[tuple[str | None, str]]] = defaultdict(list)
    for turn in connection.execute(select(turns.c.job_id, turns.c.speaker, turns.c.text).order_by(turns.c.number)):
        said[turn.job_id].append((turn.speaker, turn.text))
    voices: defaultdict[UUID, list[str]] = defaultdict(list)
    for voice in connection.execute(select(speakers.c.job_id, speakers.c.label).order_by(speakers.c.label)):
        voices[voice.job_id].append(voice.label)
    objects: defaultdict[UUID, dict[str, bytes]] = defaultdict(dict)
    for kept in connection.execute(select(stage_outputs.c.job_id, stage_outputs.c.object_key, stage_outputs.c.sha256)):
        objects[kept.job_id][kept.object_key] = kept.sha256
    rows = connection.execute(select(transcripts.c.job_id, transcripts.c.artefacts)).all()
    for row in rows:
        objects[row.job_id] |= {place["key"]: bytes.fromhex(place["sha256"]) for place in row.artefacts.values()}
    with ThreadPoolExecutor(READERS) as pool:
        missing = dict(pool.map(lambda job: (job, _missing(service, objects[job])), [row.job_id for row in rows]))
    return tuple(
        Result(
            job=row.job_id,
            fences=frozenset(int(found[1]) for key in objects[row.job_id] if (found := _FENCE.search(key))),
            files=frozenset(row.artefacts),
            missing=missing[row.job_id],
            turns=tuple(said[row.job_id]),
            speakers=tuple(voices[row.job_id]),
        )
        for row in rows
    )


def _missing(service: Service, objects: Mapping[str, bytes]) -> tuple[str, ...]:
    def whole(key: str, digest: bytes) -> bool:
        try:
            return hashlib.sha256(service.objects.get(key)).digest() == digest
        except ObjectNotFound:
            return False

    return tuple(key for key, digest in objects.items() if not whole(key, digest))


def _told(connection: Connection) -> tuple[Told, ...]:
    rows = connection.execute(select(outbox.c.id, outbox.c.job_id, outbox.c.type).order_by(outbox.c.id))
    return tuple(Told(event=row.id, job=row.job_id, kind=row.type) for row in rows)
