"""A service that answers as it is told, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from api.client import Client, Pace

URL = "http://service.test"
KEY = "hs_live_abcdefghijkl_secret"
JOB_ID = str(UUID(int=7))
RECORDING_ID = str(UUID(int=8))
Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass
class Clock:
    """Time that passes only when somebody sleeps."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def pace(self, **values: Any) -> Pace:
        return Pace(sleep=self.sleep, clock=lambda: self.now, chance=lambda: 1.0, **values)


class Service(httpx.BaseTransport):
    """Gives the answers one after the other, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer

    def client(self, clock: Clock | None = None, **pace: Any) -> Client:
        return Client(URL, KEY, transport=self, pace=(clock or Clock()).pace(**pace))

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]


def problem(slug: str, status: int, detail: str = "what and why", **headers: str) -> httpx.Response:
    body = {"type": f"urn:hansard:problem:{slug}", "title": slug, "status": status, "detail": detail}
    told = {
        "content-type": "application/problem+json",
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    return httpx.Response(status, content=json.dumps(body | {"request_id": "r-1"}), headers=told)


def job(state: str = "queued", progress: float = 0.0, ident: str = JOB_ID, **values: Any) -> dict[str, Any]:
    return {
        "id": ident,
        "recording_id": RECORDING_ID,
        "state": state,
        "stage": "asr" if state == "running" else None,
        "progress": progress,
        "eta_seconds": 65.0 if state == "running" else None,
        "priority": "interactive",
        "created_at": "2026-05-01T08:30:00.123456Z",
        "error": {"type": "no-speech", "detail": "nobody speaks"} if state == "failed" else None,
        **values,
    }


def submitted(ident: str = JOB_ID, name: str = "talk.wav") -> dict[str, Any]:
    recording = {"id": RECORDING_ID, "name": name, "duration": None, "created_at": "2026-05-01T08:30:00Z"}
    return {"recording": recording, "job": job(ident=ident)}


def event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


class Breaking(httpx.SyncByteStream):
    """A stream that ends, or breaks where an error is among its pieces."""

    def __init__(self, pieces: Sequence[bytes | Exception]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece


def stream(*pieces: bytes | Exception) -> httpx.Response:
    return httpx.Response(200, headers={"content-type": "text/event-stream; charset=utf-8"}, stream=Breaking(pieces))
