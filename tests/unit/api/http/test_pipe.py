"""Bytes from a coroutine to a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from api.http.pipe import HELD_BYTES, Pipe, PipeClosed


def run(act: Callable[[Pipe], Awaitable[None]]) -> None:
    async def inside() -> None:
        await act(Pipe())

    asyncio.run(inside())


def test_all_bytes_arrive_in_order() -> None:
    sent = [bytes([number % 256]) * size for number, size in enumerate([1, 70_000, 3, HELD_BYTES, HELD_BYTES, 5, 0])]

    async def act(pipe: Pipe) -> None:
        reading = asyncio.create_task(asyncio.to_thread(pipe.reader().read))
        for data in sent:
            await pipe.send(data)
        pipe.end()
        assert await reading == b"".join(sent)

    run(act)


def test_a_reader_gets_as_much_as_it_asks_for() -> None:
    """A part of an upload has to be 8 MB, however small the pieces are that it comes in."""

    async def act(pipe: Pipe) -> None:
        reader = pipe.reader()
        reading = asyncio.create_task(asyncio.to_thread(reader.read, 1000))
        for _ in range(300):
            await pipe.send(b"12345")
        assert len(await reading) == 1000
        pipe.end()
        assert len(await asyncio.to_thread(reader.read, 1000)) == 500
        assert await asyncio.to_thread(reader.read, 1000) == b""

    run(act)


def test_a_sender_waits_while_nobody_reads() -> None:
    async def act(pipe: Pipe) -> None:
        await pipe.send(b"a" * HELD_BYTES)
        sending = asyncio.create_task(pipe.send(b"b"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not sending.done()
        assert len(await asyncio.to_thread(pipe.reader().read, HELD_BYTES)) == HELD_BYTES
        await sending

    run(act)


def test_a_reader_does_not_take_a_broken_transfer_for_the_end() -> None:
    async def act(pipe: Pipe) -> None:
        reading = asyncio.create_task(asyncio.to_thread(pipe.reader().read))
        await pipe.send(b"half")
        pipe.abandon()
        with pytest.raises(PipeClosed):
            await reading

    run(act)


def test_a_sender_that_waits_is_told_when_nobody_will_read() -> None:
    async def act(pipe: Pipe) -> None:
        await pipe.send(b"a" * HELD_BYTES)
        sending = asyncio.create_task(pipe.send(b"b"))
        await asyncio.sleep(0)
        await asyncio.to_thread(pipe.abandon)
        with pytest.raises(PipeClosed):
            await sending

    run(act)
