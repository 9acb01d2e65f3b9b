"""Forms, read as they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from api.http.multipart import LEAST_SPEED, SPEED_SECONDS, PartBegun, PartData, PartEnded, _steadily, read_form
from api.http.problems import BodyTooSlow, Invalid
from api.outbound.watch import SpeedGauge

BODY = (
    b'--B\r\nContent-Disposition: form-data; name="options"\r\n\r\n{"a": "--B"}\r\n'
    b'--B\r\nContent-Type: audio/wav\r\ncontent-disposition: form-data; name="file"; filename="../\xc3\xa9.wav"\r\n\r\n'
    b"RIFF\r\n--\r\n--b\x00\xff\r\n--B--\r\n"
)
READ = [("options", None, b'{"a": "--B"}'), ("file", "../é.wav", b"RIFF\r\n--\r\n--b\x00\xff")]


def read(
    chunks: Sequence[bytes], content_type: str = "multipart/form-data; boundary=B"
) -> list[tuple[str, str | None, bytes]]:
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    async def collect() -> list[tuple[str, str | None, bytes]]:
        scope = {"type": "http", "headers": [(b"content-type", content_type.encode("latin-1"))]}
        found: list[tuple[str, str | None, bytes]] = []
        ended = 0
        async for event in read_form(Request(scope, receive)):
            match event:
                case PartBegun(name, file_name):
                    found.append((name, file_name, b""))
                case PartData(data):
                    found[-1] = (*found[-1][:2], found[-1][2] + data)
                case PartEnded():
                    ended += 1
        assert ended == len(found)
        return found

    return asyncio.run(collect())


def test_parts_come_with_their_names_and_every_byte() -> None:
    assert read([BODY]) == READ


@given(st.lists(st.integers(0, len(BODY)), max_size=12))
def test_it_does_not_matter_where_the_body_is_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(BODY)]
    assert read([BODY[start:end] for start, end in pairwise(places)]) == READ


@pytest.mark.parametrize("end", [0, 10, 60, len(BODY) - 20, len(BODY) - 4])
def test_a_body_that_breaks_off_is_refused(end: int) -> None:
    with pytest.raises(Invalid, match="breaks off"):
        read([BODY[:end]])


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=" + "x" * 500, "multipart/form-data; boundary="],
)
def test_a_form_without_a_boundary_is_refused(content_type: str) -> None:
    with pytest.raises(Invalid):
        read([BODY], content_type)


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        read([body])


def sent(*pieces: tuple[int, float], elsewhere: float = 0.0) -> int:
    """Bytes that are taken of pieces that each come after some seconds; so long is spent with each of them here."""
    now = [0.0]

    async def stream() -> AsyncIterator[bytes]:
        for size, seconds in pieces:
            now[0] += seconds
            yield bytes(size)

    async def take() -> int:
        taken = 0
        gauge = SpeedGauge(least=LEAST_SPEED, window=SPEED_SECONDS)
        async for chunk in _steadily(stream(), gauge, lambda: now[0]):
            now[0] += elsewhere
            taken += len(chunk)
        return taken

    return asyncio.run(take())


def test_a_client_that_sends_a_byte_now_and_then_is_given_up() -> None:
    with pytest.raises(BodyTooSlow, match="10000 bytes a second"):
        sent(*[(1, 59.0)] * 3)


def test_a_client_may_pause_and_catch_up() -> None:
    assert sent((1, 59.0), (1_000_000, 2.0), (1, 30.0)) == 1_000_002


def test_a_client_is_not_slow_for_waiting_here() -> None:
    assert sent(*[(1, 0.1)] * 100, elsewhere=3600.0) == 100
