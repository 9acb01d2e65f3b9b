"""Deletions are done with when nothing is left and nothing can come any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import RowMapping, func, insert, select, update
from uuid_utils.compat import uuid7

from api.bootstrap import Service
from api.errors import StorageUnavailable
from api.jobs import lease
from api.jobs.reaping import reap
from api.jobs.transition import NOW
from api.recordings.erasure import AGAIN, LAST_WRITES, SWEEP_SECONDS, delete_recording, finish_deletions
from api.recordings.retention import ACTOR, delete_expired
from api.recordings.uploads import upload_form
from api.sources import SourceKind
from api.states import Pool
from api.storage import InMemoryStore, recording_prefix
from api.storage.keys import result_key
from api.tables import deletions, jobs, outbox, recordings

Queued = Callable[..., UUID]


class Unreachable(InMemoryStore):
    """An object store that does not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def delete_all(self, prefix: str) -> int:
        self.asked += 1
        raise StorageUnavailable

    def check(self) -> None:
        raise StorageUnavailable


class Refusing(InMemoryStore):
    """An object store that does not remove what lies below some prefixes."""

    def __init__(self, *prefixes: str) -> None:
        super().__init__()
        self.prefixes = prefixes

    def delete_all(self, prefix: str) -> int:
        if prefix in self.prefixes:
            raise StorageUnavailable
        return super().delete_all(prefix)


@pytest.fixture
def recording(service: Service, tenant: UUID) -> Callable[..., UUID]:
    """Makes a recording without a job; its columns may be given."""

    def make(**values: object) -> UUID:
        row = {"id": uuid7(), "tenant_id": tenant, "name": "talk", "source_kind": SourceKind.URL} | values
        with service.database.system() as connection:
            made: UUID = connection.execute(insert(recordings).values(row).returning(recordings.c.id)).scalar_one()
        return made

    return make


@pytest.fixture
def delete(service: Service, tenant: UUID) -> Callable[[UUID], RowMapping]:
    return lambda recording: delete_recording(service, tenant, recording, actor="test")


def of_job(service: Service, job: UUID) -> UUID:
    """The recording of a job; one that was fetched from an address."""
    with service.database.system() as connection:
        found: UUID = connection.execute(select(jobs.c.recording_id).where(jobs.c.id == job)).scalar_one()
        connection.execute(update(recordings).values(source_kind=SourceKind.URL))
    return found


def wait(service: Service, period: timedelta) -> None:
    """Let so much time pass for all deletions."""
    with service.database.system() as connection:
        earlier = {name: deletions.c[name] - period for name in ("requested_at", "quiet_at", "next_try_at")}
        connection.execute(update(deletions).values(earlier))


def unfinished(service: Service) -> int:
    with service.database.system() as connection:
        statement = select(func.count()).select_from(deletions).where(deletions.c.finished_at.is_(None))
        return connection.execute(statement).scalar_one()


def test_what_nobody_can_write_to_is_done_with_at_once(
    recording: Callable[..., UUID], delete: Callable[[UUID], RowMapping]
) -> None:
    assert delete(recording())["finished_at"] is not None


def test_a_file_that_comes_by_its_form_after_the_deletion_is_swept_away(
    service: Service, tenant: UUID, recording: Callable[..., UUID], delete: Callable[[UUID], RowMapping]
) -> None:
    """The form stays valid for its hour, whatever becomes of the job."""
    ident = recording(source_kind=SourceKind.UPLOAD)
    key = f"{recording_prefix(tenant, ident)}source"
    assert upload_form(service, tenant, ident).fields["key"].startswith(recording_prefix(tenant, ident))
    assert delete(ident)["finished_at"] is None
    service.objects.put(key, b"late", "audio/wav")
    assert finish_deletions(service) == 0, "too early: the form is valid"
    wait(service, LAST_WRITES)
    assert finish_deletions(service) == 1
    assert service.objects.delete_all(recording_prefix(tenant, ident)) == 0
    assert finish_deletions(service) == 0


def test_a_form_that_has_lapsed_keeps_no_deletion_open(
    recording: Callable[..., UUID], delete: Callable[[UUID], RowMapping]
) -> None:
    ident = recording(source_kind=SourceKind.UPLOAD, created_at=NOW - LAST_WRITES)
    assert delete(ident)["finished_at"] is not None


@pytest.mark.parametrize("reaped", [False, True])
def test_what_a_worker_still_writes_after_a_deletion_is_swept_away(
    service: Service, tenant: UUID, queued: Queued, lease_runs_out: Callable[[UUID], None], reaped: bool,
    delete: Callable[[UUID], RowMapping],
) -> None:  # fmt: skip
    """One that was only paused does not know that its job was taken from it."""
    job = queued()
    ident = of_job(service, job)
    with service.database.system() as connection:
        held = lease.claim(connection, job, Pool.PROCESS, "worker-1", timedelta(minutes=1))
    assert held is not None
    if reaped:
        lease_runs_out(job)
        with service.database.system() as connection:
            assert reap(connection) == [job]
    assert delete(ident)["finished_at"] is None
    service.objects.put(result_key(tenant, ident, job, held.fence, "x"), b"x", "text/plain")
    wait(service, LAST_WRITES)
    assert finish_deletions(service) == 1
    assert service.objects.delete_all(recording_prefix(tenant, ident)) == 0


def test_what_could_not_be_erased_is_erased_later(
    service: Service, tenant: UUID, recording: Callable[..., UUID]
) -> None:
    ident = recording()
    service.objects.put(result_key(tenant, ident, ident, 1, "x"), b"x", "text/plain")
    row = delete_recording(replace(service, objects=Unreachable()), tenant, ident, actor="test")
    assert row["finished_at"] is None
    assert finish_deletions(service) == 1
    assert service.objects.delete_all(recording_prefix(tenant, ident)) == 0
    with service.database.system() as connection:
        assert connection.execute(select(func.count()).select_from(recordings)).scalar_one() == 0
    assert finish_deletions(service) == 0


def test_one_that_cannot_be_erased_lets_the_others_pass(
    service: Service, tenant: UUID, recording: Callable[..., UUID]
) -> None:
    idents = [recording() for _ in range(4)]
    for ident in idents:
        delete_recording(replace(service, objects=Unreachable()), tenant, ident, actor="test")
    stuck = replace(service, objects=Refusing(recording_prefix(tenant, idents[0])))
    assert finish_deletions(stuck) == 3
    assert finish_deletions(service) == 0, "tried again at once"
    wait(service, AGAIN)
    assert finish_deletions(service) == 1


def test_where_the_store_is_away_no_second_one_is_tried(
    service: Service, tenant: UUID, recording: Callable[..., UUID]
) -> None:
    """Each would take its time-outs, while leases wait to be ended."""
    away = Unreachable()
    for _ in range(3):
        delete_recording(replace(service, objects=away), tenant, recording(), actor="test")
    asked = away.asked
    with pytest.raises(StorageUnavailable):
        finish_deletions(replace(service, objects=away))
    assert away.asked == asked + 1
    assert finish_deletions(service) == 2


def test_a_sweep_ends_in_time_whatever_there_is_to_do(
    service: Service, tenant: UUID, recording: Callable[..., UUID]
) -> None:
    for _ in range(3):
        delete_recording(replace(service, objects=Unreachable()), tenant, recording(), actor="test")
    moments = iter([0.0, 1.0, SWEEP_SECONDS + 1])
    assert finish_deletions(service, lambda: next(moments)) == 1
    assert finish_deletions(service) == 2


def test_retention_marks_and_leaves_the_erasing_to_the_sweep(
    service: Service, tenant: UUID, recording: Callable[..., UUID]
) -> None:
    """A store that does not answer holds nothing up."""
    old = recording(created_at=NOW - timedelta(days=31))
    recording(created_at=NOW - timedelta(days=29))
    away = Unreachable()
    keeping = service.settings.model_copy(update={"retention_days": 30})
    assert delete_expired(replace(service, objects=away, settings=keeping)) == 1
    assert (away.asked, unfinished(service)) == (0, 1)
    with service.database.system() as connection:
        row = connection.execute(select(deletions.c.recording_id, deletions.c.requested_by)).one()
        assert tuple(row) == (old, ACTOR)
        assert connection.execute(select(outbox.c.type)).scalars().all() == ["recording.deleted"]
    assert finish_deletions(service) == 1
    assert delete_expired(replace(service, settings=keeping)) == 0
