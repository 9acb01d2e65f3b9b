"""Bytes from a coroutine, which receives them, to a thread, which stores them."""

from __future__ import annotations

import asyncio
import io
from threading import Condition
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

HELD_BYTES: Final = 1 << 20
"""On their way at most; then the sender waits, and TCP makes the client wait."""


class PipeClosed(Exception):
    """The other end is gone."""


class Pipe(io.RawIOBase):
    """Written by a coroutine of one event loop, read by one thread."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._changed = Condition()
        self._held = bytearray()
        self._ended = False
        self._broken = False

    async def send(self, data: bytes) -> None:
        """Hand bytes over, when there is room for them; raises `PipeClosed` where nobody reads any longer."""
        while True:
            with self._changed:
                if self._broken:
                    raise PipeClosed
                if len(self._held) < HELD_BYTES:
                    self._held += data
                    self._changed.notify()
                    return
                self._room.clear()
            await self._room.wait()

    def end(self) -> None:
        """Say that this was all."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def abandon(self) -> None:
        """Say, at either end, that the other need not go on."""
        with self._changed:
            self._broken = True
            self._changed.notify()
        self._loop.call_soon_threadsafe(self._room.set)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Some bytes, when there are any; 0 at the end. Raises `PipeClosed` where there will be no end."""
        view = memoryview(buffer)
        with self._changed:
            self._changed.wait_for(lambda: bool(self._held) or self._ended or self._broken)
            if self._broken:
                raise PipeClosed
            taken = min(len(view), len(self._held))
            view[:taken] = self._held[:taken]
            del self._held[:taken]
        self._loop.call_soon_threadsafe(self._room.set)
        return taken

    def reader(self) -> io.BufferedReader:
        """The reading end, as a file."""
        return io.BufferedReader(self, HELD_BYTES)
