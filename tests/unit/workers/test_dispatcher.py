from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from api.errors import DatabaseUnavailable
from api.settings import Settings
from api.webhooks.secrets import make_key
from workers import dispatcher
from workers.dispatcher import Dispatcher

LEASE = 60.0


class Away:
    """A database that can be taken away."""

    def __init__(self) -> None:
        self.gone = False

    def system(self) -> AbstractContextManager[object]:
        if self.gone:
            raise DatabaseUnavailable
        return nullcontext(object())


class Parts:
    """A service of which only the database is looked at."""

    def __init__(self) -> None:
        self.database = Away()
        self.queue = None
        self.settings = Settings.model_validate(
            {"database_url": "none://", "redis_url": "none://", "secret_keys": make_key(), "lease_seconds": LEASE}
        )


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Parts:
    for name in (
        *("delete_expired", "finish_deletions", "send_due", "admit", "forget_lost"),
        *("expire_uploads", "forget_expired", "observe_queues", "count_dead"),
    ):
        monkeypatch.setattr(dispatcher, name, lambda *_: 0)
    monkeypatch.setattr(dispatcher, "fan_out", lambda _: [])
    monkeypatch.setattr(dispatcher, "reap", lambda _: ["job"])
    return Parts()


def test_leases_are_given_time_after_the_database_was_away(parts: Any) -> None:
    """Nobody could send a heartbeat; to end all leases at once would charge every job a crash."""
    now = [0.0]
    rounds = Dispatcher(service=parts, clock=lambda: now[0])
    assert rounds.round()["reaped"] == 1
    parts.database.gone = True
    assert rounds.round()["reaped"] == 0
    parts.database.gone = False
    now[0] = LEASE - 1
    assert rounds.round()["reaped"] == 0
    now[0] = LEASE
    assert rounds.round()["reaped"] == 1


def test_one_part_that_fails_keeps_no_other_from_its_work(parts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> list[object]:
        raise ZeroDivisionError

    monkeypatch.setattr(dispatcher, "fan_out", broken)
    done = Dispatcher(service=parts).round()
    assert (done["fanned_out"], done["reaped"]) == (0, 1)
