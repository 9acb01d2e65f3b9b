"""Chunks in batches: what is decoded together, and by whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.asr.backend import AsrBackend, DecodeRequest, EncodedChunks, HeardWord, Hypothesis
from pipeline.asr.chunk_audio import ChunkAudio
from pipeline.batch_size import BatchSize
from pipeline.types import Notice, Segment

STAGE = "speech recognition"
"""What a reader of a notice knows it as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A chunk with its hypothesis and the words of it."""

    chunk: Segment
    hypothesis: Hypothesis
    words: tuple[HeardWord, ...]


Kind = tuple[float | None, DecodeRequest, bool]
"""What chunks that share a batch have in common: the length they are filled up to, the request, whether with times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One chunk that somebody wants decoded."""

    audio: ChunkAudio
    request: DecodeRequest
    times: bool
    """Whether its words get cross-attention times."""
    padded: float | None
    """Seconds to which the model fills it up; None where chunks of any length share its batches."""
    decoded: Callable[[Decoded], None]
    """Told of the result in the thread that decoded it, which may be another recording's."""

    @property
    def kind(self) -> Kind:
        """Orders of a kind can share a batch, and each gets what it gets on its own."""
        return self.padded, self.request, self.times


class Batcher(Protocol):
    """Decodes the chunks of one recording."""

    def decode(self, orders: Sequence[Order]) -> Iterator[list[Decoded]]:
        """Decode everything, in any order, and give each batch, or the recording's part of one, when it is done.

        Raises `OutOfMemory` where there is not even memory for one chunk at a time.
        """

    def step(self) -> None:
        """Called between two pieces of work that are no batches, of a second or so each."""

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What a reader of the result should know."""


Batching = Callable[[AsrBackend, int], Batcher]
"""Makes the batcher of one recording, from a model and the number of chunks that may go through it at once."""


class OwnBatches:
    """A recording by itself: its chunks in batches of one kind, the shortest first."""

    def __init__(self, backend: AsrBackend, most: int) -> None:
        self._backend = backend
        self._size = BatchSize(most, STAGE)

    def decode(self, orders: Sequence[Order]) -> Iterator[list[Decoded]]:
        """Decode everything, kind by kind."""
        kinds: dict[Kind, list[Order]] = defaultdict(list)
        for order in shortest_first(orders):
            kinds[order.kind].append(order)
        for alike in kinds.values():
            batches = self._size.over(alike, lambda batch: decode_together(self._backend, batch))
            yield from (decoded for _, decoded in batches)

    def step(self) -> None:
        """Go on."""

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Whether memory was short."""
        return self._size.notices


def shortest_first(orders: Sequence[Order]) -> list[Order]:
    """In the order in which they are decoded: by length, as a batch is at work until its longest text is found."""
    return sorted(orders, key=lambda order: (order.audio.span.duration, order.audio.span))


def decode_together(backend: AsrBackend, batch: Sequence[Order]) -> list[Decoded]:
    """Decode orders of one kind. Where that fails, what was encoded of them is let go of: memory may have run out."""
    try:
        found = decoded_of(backend.encode([order.audio for order in batch]), batch)
    except BaseException:
        for order in batch:
            order.audio.encoded = None
        raise
    for order, decoded in zip(batch, found, strict=True):
        order.decoded(decoded)
    return found


def decoded_of(encoded: EncodedChunks, batch: Sequence[Order]) -> list[Decoded]:
    """Decode what has been encoded of orders of one kind."""
    request, times = batch[0].request, batch[0].times
    hypotheses = encoded.decode(request)
    texts = [hypothesis.tokens for hypothesis in hypotheses]
    words = encoded.words(texts, [hypothesis.probabilities for hypothesis in hypotheses], request, times=times)
    return [
        Decoded(chunk=order.audio.span, hypothesis=hypothesis, words=tuple(heard))
        for order, hypothesis, heard in zip(batch, hypotheses, words, strict=True)
    ]
