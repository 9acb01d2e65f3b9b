"""Reads a finished run out of the database and the object store."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Connection, Double, cast, func, select

from api.bootstrap import Service
from api.errors import ObjectNotFound
from api.tables import attempts, outbox, speakers, stage_outputs, transcripts, turns
from tests.chaos import recorder
from tests.chaos.observed import Attempt, Expected, History, Result, Told
from tests.chaos.stubs import transcript_of

READERS: Final = 8
_FENCE: Final = re.compile(r"/results/(\d+)/")


def history(service: Service, accepted: Mapping[UUID, Expected], received: Mapping[UUID, list[str]]) -> History:
    """All of a run."""
    with service.database.engine.begin() as connection:
        return History(
            accepted=accepted,
            changes=recorder.changes(connection),
            ends=recorder.ends(connection),
            attempts=_attempts(connection),
            results=_results(service, connection),
            told=_told(connection),
            received={event: tuple(bodies) for event, bodies in received.items()},
        )


def expected(name: str, state: str) -> Expected:
    """What a recording of that name has to become, if its job has to end in that state."""
    made = transcript_of(name)
    return Expected(
        state=state,
        turns=tuple((one.speaker, one.text) for one in made.utterances),
        speakers=tuple(sorted(made.diarization.labels)),
    )


def _attempts(connection: Connection) -> tuple[Attempt, ...]:
    columns = (
        *(attempts.c.job_id.label("job"), attempts.c.number, attempts.c.pool, attempts.c.fence, attempts.c.worker),
        *(attempts.c.outcome, _seconds(attempts.c.started_at), _seconds(attempts.c.ended_at)),
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
