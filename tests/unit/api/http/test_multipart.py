"""Forms, read as they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from api.http.multipart import PartBegun, PartData, PartEnded, read_form
from api.http.problems import Invalid

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
