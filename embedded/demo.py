"""A recording's way through the whole service, from the upload to the signed webhook, for people to watch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any, Final

from sqlalchemy import RowMapping, func, select

from api.bootstrap import connect
from api.client import Client, SubmitOptions
from api.db import Database
from api.keys import Scope, create_key
from api.settings import Settings
from api.tables import tenants, transcripts, turns
from embedded.consumer import Consumer, consumer
from embedded.errors import DemoFailed
from embedded.life import Observer
from embedded.system import running

WEBHOOK_SECONDS: Final = 30.0
DESCRIPTION: Final = "the demo's own consumer"
"""Of the demo's webhook endpoint."""
FORMATS: Final = ("json", "rttm", "srt", "vtt", "txt", "png")
FOR_LOOPBACK: Final = {"HANSARD_ALLOW_HTTP_SOURCES": "true", "HANSARD_ALLOWED_NETWORKS": "127.0.0.0/8"}
"""The demo's consumer of webhooks is on this machine, and has no certificate."""

Say = Callable[[str], None]


def show(recording: Path, data: Path, results: Path, *, model: str, say: Say, observe: Observer | None = None) -> None:
    """Bring the service up, send a recording through it, tell what happens, and stop it.

    Raises:
        DemoFailed: the job has no result, or its webhook did not come.
        DataDirectoryInUse, ChildFailed: see `embedded.system.running`.
    """
    with running(data, model=model, observe=observe, variables=FOR_LOOPBACK) as system, consumer() as listening:
        say(f"the API is at {system.address}, its description at {system.address}/openapi.json")
        service = connect(system.settings)
        try:
            key = _demo_key(service.database)
            with Client(system.address, key) as client, registered(client, listening) as endpoint:
                recording_id, job = _submit(client, recording, endpoint, say)
                say(f"webhook, signed and verified: {_event(listening, job['id'])}")
                _save(client, recording_id, results, recording.stem)
            say("")
            say((results / f"{recording.stem}.txt").read_text(encoding="utf-8").rstrip())
            say("")
            _tell_places(service.database, system.settings, job["id"], say)
        finally:
            service.database.close()


@contextmanager
def registered(client: Client, listening: Consumer) -> Iterator[str]:
    """The id of a webhook endpoint that tells the consumer, for as long as it is entered.

    A tenant can have so many and no more, and a data folder is kept from one demonstration to the next: those of
    demonstrations that were cut off are taken away as well.
    """
    for left in client.webhooks.list():
        if left["description"] == DESCRIPTION:
            client.webhooks.delete(left["id"])
    endpoint = client.webhooks.create(listening.address, description=DESCRIPTION)
    listening.secret = endpoint["secret"]
    try:
        yield endpoint["id"]
    finally:
        client.webhooks.delete(endpoint["id"])


def _demo_key(database: Database) -> str:
    with database.system() as connection:
        tenant = connection.execute(select(tenants.c.id).order_by(tenants.c.id).limit(1)).scalar_one()
        return create_key(connection, tenant, "demo", tuple(Scope)).text


def _submit(client: Client, recording: Path, endpoint: str, say: Say) -> tuple[str, Mapping[str, Any]]:
    submitted = client.submit_file(recording, SubmitOptions(callback_endpoints=(endpoint,)))
    say(f"submitted {recording.name}: job {submitted['job']['id']}")
    told: set[tuple[str | None, int]] = set()

    def tell(job: Mapping[str, Any]) -> None:
        step = (job["stage"], round(10 * job["progress"]))
        if step not in told:
            told.add(step)
            say(f"  {job['state']:<9} {job['progress']:4.0%}  {job['stage'] or ''}")

    job = client.wait(submitted["job"]["id"], tell)
    if job["state"] != "succeeded":
        message = f"the job ended as {job['state']}: {job['error']}"
        raise DemoFailed(message)
    return submitted["recording"]["id"], job


def _event(listening: Consumer, job_id: str) -> str:
    try:
        event = listening.events.get(timeout=WEBHOOK_SECONDS)
    except Empty:
        message = f"no webhook came within {WEBHOOK_SECONDS:.0f} s"
        raise DemoFailed(message) from None
    if event["data"]["job_id"] != job_id:
        message = "the webhook tells of another job"
        raise DemoFailed(message)
    return str(event["type"])


def _save(client: Client, recording_id: str, results: Path, stem: str) -> None:
    results.mkdir(parents=True, exist_ok=True)
    for name in FORMATS:
        (results / f"{stem}.{name}").write_bytes(client.transcript(recording_id, name))


def _tell_places(database: Database, settings: Settings, job_id: str, say: Say) -> None:
    with database.system() as connection:
        result: RowMapping = (
            connection.execute(select(transcripts).where(transcripts.c.job_id == job_id)).mappings().one()
        )
        rows = connection.execute(select(func.count()).where(turns.c.job_id == job_id)).scalar_one()
    say(f"Postgres: {rows} rows in v1_turns, {result['words']} words, of job_id {job_id}")
    for name, place in result["artefacts"].items():
        say(f"S3: s3://{settings.s3_bucket}/{place['key']}  ({place['bytes']:,} bytes)  {name}")
