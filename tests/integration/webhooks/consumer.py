"""A receiver of webhooks, with the library that receivers use, and a time that a test sets."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import httpcore
import pytest
from sqlalchemy import ColumnElement, DateTime, literal
from standardwebhooks import Webhook

from api.bootstrap import Service
from api.outbound.client import OutboundClient
from api.outbound.rules import url_rules
from api.webhooks.schedule import Action
from tests.unit.api.outbound.servers import Served, serving
from workers.delivery import deliver

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


def answer(status: int, *headers: str) -> bytes:
    """A reply without a body."""
    return "\r\n".join((f"HTTP/1.1 {status} Whatever", "content-length: 0", *headers, "", "")).encode()


@dataclass(frozen=True)
class Request:
    """What a receiver got."""

    headers: dict[str, str]
    body: bytes

    @property
    def event_id(self) -> UUID:
        return UUID(self.headers["webhook-id"])

    def verified(self, secret: str) -> Any:
        """The body, if the stock library finds the signature right and the time close."""
        return Webhook(secret).verify(self.body, self.headers)


def parsed(raw: bytes) -> Request:
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    return Request({name: value for name, value in fields}, body)  # noqa: C416 - a pair is a list here


@dataclass
class Consumer:
    """A receiver that answers as it is told: one reply after the other, the last for ever."""

    replies: list[bytes] = field(default_factory=lambda: [OK])
    server: Served = field(init=False)

    @contextlib.contextmanager
    def running(self) -> Iterator[Consumer]:
        with serving(self._behave) as self.server:
            yield self

    def _behave(self, stream: socket.socket, _served: Served) -> None:
        stream.sendall(self.replies[0] if len(self.replies) == 1 else self.replies.pop(0))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/hook"

    @property
    def requests(self) -> list[Request]:
        return [parsed(raw) for raw in self.server.requests]

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.body) for request in self.requests]


class Time:
    """The time of the database, as far as deliveries ask for it, and of the receiver's library."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # A little ahead, so that what a test has just made is due.
        self.now = datetime.now(UTC) + timedelta(seconds=20)
        time = self

        class Clock(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return time.now

        monkeypatch.setattr("standardwebhooks.webhooks.datetime", Clock)

    def pass_(self, **amount: float) -> None:
        self.now += timedelta(**amount)

    @property
    def sql(self) -> ColumnElement[Any]:
        return literal(self.now, DateTime(timezone=True))


class Cable(httpcore.SyncBackend):
    """TCP that can be unplugged."""

    plugged = True

    def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> httpcore.NetworkStream:
        if not self.plugged:
            raise httpcore.ConnectError
        return super().connect_tcp(host, port, *args, **options)


class Unvaried(Random):
    """No jitter."""

    def uniform(self, a: float, b: float) -> float:
        return 1.0


@dataclass(frozen=True)
class Deliverer:
    """The webhook worker, at a time of the test's choosing."""

    service: Service
    time: Time
    random: Random
    client: OutboundClient
    cable: Cable

    @classmethod
    def of(cls, service: Service, time: Time, random: Random | None = None, **parts: Any) -> Deliverer:
        cable = Cable()
        client = OutboundClient(url_rules(service.settings), connector=cable, **parts)
        return cls(service, time, random or Unvaried(), client, cable)

    def __call__(self, delivery: UUID) -> Action | None:
        return deliver(self.service, self.client, delivery, self.random, self.time.sql)

    def all(self, deliveries: Iterable[UUID]) -> list[Action | None]:
        return [self(delivery) for delivery in deliveries]


Record = Callable[..., UUID]
"""Writes an event; its id."""
