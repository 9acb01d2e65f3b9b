"""Chunks of a recording as a model is given them, and what its encoder made of those that are decoded again."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from pipeline.types import FloatArray, Segment
from pipeline.waveform import Waveform

ROOM: Final = 48_000_000
"""Bytes of encodings that a recording keeps at most: those of 20 chunks of half a minute with Whisper tiny."""


@dataclass(slots=True, eq=False)
class ChunkAudio:
    """One chunk."""

    waveform: Waveform
    """The recording, of one channel."""
    span: Segment
    encoded: FloatArray | None = None
    """What the model's encoder made of it, (1, frames, width). The model leaves it here if it can, and need not make it
    again."""

    @property
    def samples(self) -> FloatArray:
        """(samples,) at 16 kHz."""
        return self.waveform.crop(self.span)


class ChunkAudios:
    """The chunks of one recording. May be used by several threads.

    An encoding is kept from one decoding of a chunk to the next, where somebody expects one: chunks are decoded again
    when their text cannot be right, and those that tell the language are decoded afterwards.
    """

    def __init__(self, waveform: Waveform, room: int = ROOM) -> None:
        self.waveform = waveform
        self._room = room
        self._changing = threading.Lock()
        self._kept: dict[Segment, ChunkAudio] = {}
        self._lent: dict[Segment, ChunkAudio] = {}
        # Taken with their encodings, and not put back yet.

    def take(self, span: Segment) -> ChunkAudio:
        """Give a chunk, with its encoding where that was kept."""
        with self._changing:
            chunk = self._kept.pop(span, None)
            if chunk is None:
                return ChunkAudio(self.waveform, span)
            self._lent[span] = chunk
            return chunk

    def put_back(self, chunk: ChunkAudio, *, again: bool) -> None:
        """Keep the encoding of a chunk that may be decoded `again`, if there is room; else let go of it."""
        with self._changing:
            self._lent.pop(chunk.span, None)
            if again and chunk.encoded is not None and self._held() + chunk.encoded.nbytes <= self._room:
                self._kept[chunk.span] = chunk
            else:
                chunk.encoded = None

    def let_go(self) -> None:
        """Let go of everything: nothing is expected to be decoded again."""
        with self._changing:
            for chunk in self._kept.values():
                chunk.encoded = None
            self._kept.clear()

    def _held(self) -> int:
        """Bytes."""
        chunks = (*self._kept.values(), *self._lent.values())
        return sum(0 if chunk.encoded is None else chunk.encoded.nbytes for chunk in chunks)
