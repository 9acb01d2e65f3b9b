"""No recording without its file, and no file that nothing tells of: whatever fails, and at whatever moment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO
from uuid import UUID

import httpx2
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import Connection, Table, func, select, text, update

from api.bootstrap import Service
from api.db import Database
from api.errors import DatabaseUnavailable, StorageUnavailable
from api.http import file_submission
from api.http.app import create_app
from api.idempotency import finish
from api.recordings.orphans import begin_upload, remove_orphans
from api.recordings.submission import enter, new_recording_id
from api.storage import ObjectStore, Stored
from api.storage.keys import source_key
from api.tables import idempotency_keys, recordings, uploads

PATH = "/v1/recordings"
Act = Callable[..., Any]


class Failing(Database):
    """A database that does what it is asked for and does not say so, or that is away."""

    loses_answer = False
    away = False

    @contextmanager
    def tenant(self, tenant_id: UUID) -> Iterator[Connection]:
        if self.away:
            raise DatabaseUnavailable
        with super().tenant(tenant_id) as connection:
            yield connection
            entered = connection.execute(select(recordings.c.id)).first() is not None
        if self.loses_answer and entered:
            self.loses_answer = False
            raise DatabaseUnavailable


class Another:
    """An object store that does some things in ways of its own."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class Failed(Another):
    """One that removes nothing."""

    def delete_all(self, prefix: str) -> int:
        raise StorageUnavailable


@pytest.fixture
def database(service: Service) -> Failing:
    return Failing(service.database.engine)


@pytest.fixture
def headers(tenant: UUID, key_for: Callable[..., str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {key_for(tenant)}", "Idempotency-Key": "k"}


@pytest.fixture
def client(service: Service, database: Failing, headers: dict[str, str]) -> Iterator[TestClient]:
    app = create_app(replace(service, database=database))
    with TestClient(app, headers=headers, raise_server_exceptions=False) as made:
        yield made


def upload(client: TestClient) -> Response:
    return client.post(PATH, files={"file": ("call.wav", b"RIFF")})


def rows(service: Service, table: Table) -> int:
    with service.database.system() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def files(service: Service, tenant: UUID) -> int:
    """How many there were; afterwards there are none."""
    return service.objects.delete_all(f"tenants/{tenant}/")


def let_time_pass(service: Service) -> None:
    with service.database.system() as connection:
        connection.execute(update(uploads).values(heard_at=text("heard_at - interval '61 minutes'")))


def before_entering(monkeypatch: pytest.MonkeyPatch, act: Act) -> None:
    def first(*given: Any) -> Any:
        act(*given)
        return enter(*given)

    monkeypatch.setattr(file_submission, "enter", first)


def test_an_upload_leaves_a_recording_and_no_trace_of_its_way(
    client: TestClient, service: Service, tenant: UUID
) -> None:
    assert upload(client).status_code == 202
    assert rows(service, uploads) == 0
    assert remove_orphans(service) == 0
    assert files(service, tenant) == 1


def test_a_recording_whose_commit_was_not_answered_is_accepted_and_keeps_its_file(
    client: TestClient, service: Service, database: Failing, tenant: UUID
) -> None:
    database.loses_answer = True
    answer = upload(client)
    assert answer.status_code == 202
    recording = answer.json()["recording"]["id"]
    assert service.objects.get(source_key(tenant, UUID(recording))) == b"RIFF"
    again = upload(client)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["recording"]["id"] == recording


def test_a_request_that_is_cancelled_while_its_recording_is_entered_leaves_it_its_file(
    service: Service, tenant: UUID, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that commits is not cancelled with the request."""
    entering, go_on = threading.Event(), threading.Event()

    def slowly(*given: Any) -> None:
        finish(*given)
        entering.set()
        go_on.wait(10)

    monkeypatch.setattr(file_submission, "finish", slowly)
    asyncio.run(_cancelled(service, headers, entering, go_on))
    with service.database.system() as connection:
        (recording,) = connection.execute(select(recordings.c.id)).scalars()
    assert service.objects.get(source_key(tenant, recording)) == b"RIFF"


async def _cancelled(
    service: Service, headers: dict[str, str], entering: threading.Event, go_on: threading.Event
) -> None:
    transport = httpx2.ASGITransport(create_app(service))
    async with httpx2.AsyncClient(transport=transport, base_url="http://service.test", headers=headers) as client:
        task = asyncio.create_task(client.post(PATH, files={"file": ("call.wav", b"RIFF")}))
        assert await asyncio.to_thread(entering.wait, 10)
        task.cancel()
        await asyncio.sleep(0.2)  # the request has begun to undo what it did
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_a_request_that_is_cancelled_while_its_file_is_stored_leaves_no_file(
    service: Service, tenant: UUID, headers: dict[str, str]
) -> None:
    """Neither is the thread that stores it: what it still writes has to go too."""
    storing, go_on, stored = threading.Event(), threading.Event(), threading.Event()

    class Late(Another):
        def put_stream(self, key: str, content: BinaryIO, content_type: str, *, max_bytes: int) -> Stored:
            whole = content.read()
            storing.set()
            go_on.wait(10)
            written = self.store.put(key, whole, content_type)
            stored.set()
            return written

    asyncio.run(_cancelled(replace(service, objects=Late(service.objects)), headers, storing, go_on))
    assert stored.wait(10)
    assert (rows(service, uploads), rows(service, idempotency_keys)) == (0, 0)
    assert files(service, tenant) == 0


def test_a_file_is_found_again_when_the_database_was_away_as_it_had_to_go(
    client: TestClient, service: Service, database: Failing, tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_: object) -> None:
        database.away = True
        raise DatabaseUnavailable

    before_entering(monkeypatch, lose)
    assert upload(client).status_code == 503
    assert (rows(service, recordings), rows(service, uploads)) == (0, 1)
    assert remove_orphans(service) == 0
    let_time_pass(service)
    assert remove_orphans(service) == 1
    assert rows(service, uploads) == 0
    assert files(service, tenant) == 0


def test_a_file_that_cannot_be_removed_is_removed_later_and_hides_no_other_error(
    service: Service, headers: dict[str, str], tenant: UUID
) -> None:
    app = create_app(replace(service, objects=Failed(service.objects)))
    with TestClient(app, headers=headers, raise_server_exceptions=False) as client:
        answer = client.post(PATH, files=[("file", ("call.wav", b"RIFF")), ("colour", (None, b"red"))])
    assert answer.json()["errors"][0]["pointer"] == "/colour"
    assert (rows(service, uploads), rows(service, idempotency_keys)) == (1, 0)
    assert remove_orphans(service) == 1
    assert rows(service, uploads) == 0
    assert files(service, tenant) == 0


def test_a_file_that_was_given_up_does_not_become_a_recording(
    client: TestClient, service: Service, tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that stood still for an hour goes on where it was."""

    def sweep(*_: object) -> None:
        let_time_pass(service)
        assert remove_orphans(service) == 1

    before_entering(monkeypatch, sweep)
    answer = upload(client)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert (rows(service, recordings), rows(service, idempotency_keys)) == (0, 0)
    assert files(service, tenant) == 0
    monkeypatch.undo()
    assert upload(client).status_code == 202


def test_a_file_that_still_comes_is_left_alone(service: Service, tenant: UUID) -> None:
    with service.database.tenant(tenant) as connection:
        begin_upload(connection, tenant, new_recording_id())
    assert remove_orphans(service) == 0
    assert rows(service, uploads) == 1


def test_the_dispatcher_removes_what_was_lost(service: Service, tenant: UUID) -> None:
    from workers.dispatcher import Dispatcher

    recording = new_recording_id()
    with service.database.tenant(tenant) as connection:
        begin_upload(connection, tenant, recording)
    service.objects.put(source_key(tenant, recording), b"RIFF", "audio/wav")
    let_time_pass(service)
    assert Dispatcher(service=service).round()["orphans_removed"] == 1
    assert files(service, tenant) == 0
