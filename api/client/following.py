"""A job followed to its end: told by the service as it changes, asked for where that does not work."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID

from api.client.connection import Call, Connection, Json, segment
from api.client.errors import SERVER_ERRORS, ApiError, Unreachable, from_problem
from api.client.server_sent_events import Event, parse_events
from api.states import TERMINAL
from pipeline.errors import HansardError

SILENCE: Final = 45.0
"""Seconds: the service sends a comment every 15."""
BARREN: Final = 2
"""Streams in a row that told nothing, as behind a proxy that holds answers back: from then on the job is asked for."""
RECONNECT_SECONDS: Final = 1.0
POLL_SECONDS: Final = 2.0
AT_ONCE: Final = 20
"""Jobs that are asked for in a round; those further behind have their turn when others have ended."""
_TOO_MANY: Final = 429
_GONE: Final = frozenset({404, 410})


def has_ended(job: Json) -> bool:
    """Whether a job, as the API shows it, will change no more."""
    return job["state"] in TERMINAL


def follow(connection: Connection, job_id: UUID | str) -> Iterator[Json]:
    """The job as it stands, and again whenever it has changed; the last one has ended.

    Raises:
        ApiError: there is no such job, or the key may not see it.
        Unreachable: the service has been away for longer than `Pace.outage`.
    """
    barren = 0
    while barren < BARREN:
        barren += 1
        try:
            for job in _told(connection, job_id):
                barren = 0
                yield job
                if has_ended(job):
                    return
        except HansardError as error:
            if not _passing(error):
                raise
        connection.pace.sleep(RECONNECT_SECONDS)
    for _, found in ask(connection, [job_id]):
        if isinstance(found, ApiError):
            raise found
        yield found


def _told(connection: Connection, job_id: UUID | str) -> Iterator[Json]:
    """By the service, for as long as the connection lasts."""
    call = Call(method="GET", path=f"v1/jobs/{segment(job_id)}/events")
    with connection.stream(call, silence=SILENCE) as response:
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            return
        for event in parse_events(response.iter_bytes()):
            yield _job(event)


def ask(connection: Connection, job_ids: Sequence[UUID | str]) -> Iterator[tuple[str, Json | ApiError]]:
    """Jobs as they stand, by their ids, again and again until all have ended; the error for one that is gone.

    Raises like `follow`.
    """
    pace, waiting = connection.pace, [str(job_id) for job_id in job_ids]
    seen = pace.clock()
    while waiting:
        for job_id in waiting[:AT_ONCE]:
            try:
                found = _look(connection, job_id)
            except HansardError as error:
                if not _passing(error) or pace.clock() - seen > pace.outage:
                    raise
                break
            seen = pace.clock()
            yield job_id, found
            if isinstance(found, ApiError) or has_ended(found):
                waiting.remove(job_id)
        if waiting:
            pace.sleep(POLL_SECONDS)


def _look(connection: Connection, job_id: str) -> Json | ApiError:
    try:
        return connection.json(Call(method="GET", path=f"v1/jobs/{segment(job_id)}"))
    except ApiError as error:
        if error.status not in _GONE:
            raise
        return error


def _job(event: Event) -> Json:
    try:
        data = json.loads(event.data)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        message = "the service told something that is not JSON"
        raise Unreachable(message, sent=True)
    if event.name == "error":
        raise from_problem(data, status=SERVER_ERRORS)
    return data


def _passing(error: HansardError) -> bool:
    if isinstance(error, ApiError):
        return error.status >= SERVER_ERRORS or error.status == _TOO_MANY
    return isinstance(error, Unreachable)
