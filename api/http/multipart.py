"""Forms read as they arrive: no part is kept here, in memory or on disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.http.problems import BodyTooSlow, Invalid, ProblemEntry
from api.outbound.watch import BodyTooSlow as TooFewBytes
from api.outbound.watch import SpeedGauge

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

IDLE_SECONDS: Final = 60.0
"""A client that sends nothing for so long is given up."""
LEAST_SPEED: Final = 10_000.0
"""Bytes a second that have to come over every `SPEED_SECONDS` of waiting for them, as from sources that are fetched: an
upload holds one of few threads, whoever has no room here waits."""
SPEED_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class PartBegun:
    """A part begins."""

    name: str
    file_name: str | None
    """As the client gave it; None for a field."""


@dataclass(frozen=True, slots=True)
class PartData:
    """Some of the part's bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnded:
    """The part is complete."""


FormEvent = PartBegun | PartData | PartEnded


async def read_form(request: Request) -> AsyncIterator[FormEvent]:
    """What a multipart body holds, in order.

    Raises:
        Invalid: it is no such body, or breaks off.
        BodyTooSlow: nothing came for `IDLE_SECONDS`, or less than `LEAST_SPEED` over `SPEED_SECONDS`.
        ClientDisconnect: the client is gone.
    """
    form = _Form(request.headers.get("content-type", ""))
    async for chunk in _steadily(request.stream(), SpeedGauge(least=LEAST_SPEED, window=SPEED_SECONDS)):
        for event in form.feed(chunk):
            yield event
    form.close()


async def _steadily(
    stream: AsyncIterator[bytes], gauge: SpeedGauge, clock: Callable[[], float] = monotonic
) -> AsyncIterator[bytes]:
    while True:
        began = clock()
        try:
            # Not `wait_for`: until Python 3.12 it may take a request that is cancelled for one that goes on.
            async with asyncio.timeout(IDLE_SECONDS):
                chunk = await anext(stream)
            gauge.add(len(chunk), clock() - began)
        except StopAsyncIteration:
            return
        except TimeoutError:
            message = f"nothing of the body came for {IDLE_SECONDS:.0f} s"
            raise BodyTooSlow(message) from None
        except TooFewBytes:
            message = f"less than {LEAST_SPEED:.0f} bytes a second of the body came"
            raise BodyTooSlow(message) from None
        yield chunk


class _Form:
    """python-multipart, its callbacks turned into a list of events for each piece of the body."""

    def __init__(self, content_type: str) -> None:
        _, options = parse_options_header(content_type)
        self._events: list[FormEvent] = []
        self._header = bytearray()
        self._value = bytearray()
        self._disposition = b""
        self._complete = False
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._field,
            "on_header_value": self._text,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._data,
            "on_part_end": lambda: self._events.append(PartEnded()),
            "on_end": self._end,
        }
        try:
            self._parser = MultipartParser(options[b"boundary"], callbacks)
        except (KeyError, FormParserError):
            message = "its Content-Type has no usable boundary"
            raise _malformed(message) from None

    def feed(self, chunk: bytes) -> list[FormEvent]:
        try:
            self._parser.write(chunk)
        except FormParserError:
            message = "it cannot be parsed"
            raise _malformed(message) from None
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        if not self._complete:
            message = "it breaks off before its last boundary"
            raise _malformed(message)

    def _begin(self) -> None:
        self._disposition = b""

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _text(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._disposition.decode("latin-1"))
        file_name = options.get(b"filename")
        name = options.get(b"name", b"")
        self._events.append(PartBegun(_decoded(name), None if file_name is None else _decoded(file_name)))

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(PartData(data[start:end]))

    def _end(self) -> None:
        self._complete = True


def _decoded(text: bytes) -> str:
    # The parser gives the header's bytes back one for one; browsers and curl send UTF-8.
    return text.decode("utf-8", errors="replace")


def _malformed(why: str) -> Invalid:
    return Invalid([ProblemEntry(pointer="", detail=f"the body is no multipart/form-data: {why}")])
