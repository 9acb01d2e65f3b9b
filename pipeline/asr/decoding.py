"""One recording and one model: chunks in, pieces of text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.asr.backend import AsrBackend, DecodeRequest
from pipeline.asr.batching import Batcher, Decoded, Order, decoded_of
from pipeline.asr.pieces import Piece
from pipeline.types import Segment
from pipeline.waveform import SAMPLE_RATE, Waveform


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkDecoder:
    """Decodes chunks of one recording."""

    backend: AsrBackend
    waveform: Waveform
    request: DecodeRequest
    batches: Batcher
    times: bool
    """Whether words get cross-attention times at once; they can be had later, at the cost of encoding again."""

    def decode(self, chunks: Sequence[Segment], *, timestamps: bool = False) -> Iterator[list[Decoded]]:
        """Decode chunks, in any order."""
        request = replace(self.request, timestamps=timestamps)
        return self.batches.decode([self._order(chunk, request) for chunk in chunks])

    def sample(self, chunk: Segment, temperatures: Sequence[float], *, timestamps: bool) -> Iterator[Decoded]:
        """Decode one chunk at one temperature after the other, for as long as the caller asks for more."""
        encoded = self.backend.encode([self.waveform.crop(chunk)])
        for temperature in temperatures:
            self.batches.step()
            request = replace(self.request, timestamps=timestamps, temperature=temperature)
            yield decoded_of(encoded, [self._order(chunk, request)])[0]

    def with_times(self, piece: Piece) -> Piece:
        """Give the words of a piece cross-attention times."""
        texts = [[token for word in piece.words for token in word.tokens]]
        words = self.backend.encode([self.waveform.crop(piece.span)]).words(texts, [None], self.request, times=True)
        return replace(piece, words=tuple(words[0]))

    def _order(self, chunk: Segment, request: DecodeRequest) -> Order:
        # By its samples, as the model will see it: a chunk's edges rarely lie on one.
        seconds = len(self.waveform.crop(chunk)) / SAMPLE_RATE
        padded = None if self.backend.mixes_lengths else self.backend.padded_seconds(seconds)
        return Order(waveform=self.waveform, chunk=chunk, request=request, times=self.times, padded=padded)
