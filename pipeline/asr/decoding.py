"""One recording and one model: batches of chunks in, pieces of text out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.asr.backend import AsrBackend, DecodeRequest, EncodedChunks, HeardWord, Hypothesis
from pipeline.asr.pieces import Piece
from pipeline.memory import BatchSize
from pipeline.types import Segment
from pipeline.waveform import Waveform


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A chunk with its hypothesis and the words of it."""

    chunk: Segment
    hypothesis: Hypothesis
    words: tuple[HeardWord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkDecoder:
    """Decodes chunks of one recording."""

    backend: AsrBackend
    waveform: Waveform
    request: DecodeRequest
    batches: BatchSize
    times: bool
    """Whether words get cross-attention times at once; they can be had later, at the cost of encoding again."""

    def decode(self, chunks: Sequence[Segment], *, timestamps: bool = False) -> Iterator[list[Decoded]]:
        """Decode chunks in batches, shortest first; only those that are filled up alike share one."""
        request = replace(self.request, timestamps=timestamps)
        alike: dict[float, list[Segment]] = defaultdict(list)
        for chunk in chunks:
            alike[self.backend.padded_seconds(chunk.duration)].append(chunk)
        for _, same in sorted(alike.items()):
            decoded = self.batches.over(same, lambda batch: self._decoded(batch, self._encode(batch), request))
            yield from (batch for _, batch in decoded)

    def sample(self, chunk: Segment, temperatures: Sequence[float], *, timestamps: bool) -> Iterator[Decoded]:
        """Decode one chunk at one temperature after the other, for as long as the caller asks for more."""
        encoded = self._encode([chunk])
        for temperature in temperatures:
            request = replace(self.request, timestamps=timestamps, temperature=temperature)
            yield self._decoded([chunk], encoded, request)[0]

    def with_times(self, piece: Piece) -> Piece:
        """Give the words of a piece cross-attention times."""
        texts = [[token for word in piece.words for token in word.tokens]]
        words = self._encode([piece.span]).words(texts, self.request, times=True)
        return replace(piece, words=tuple(words[0]))

    def _encode(self, chunks: Sequence[Segment]) -> EncodedChunks:
        return self.backend.encode([self.waveform.crop(chunk) for chunk in chunks])

    def _decoded(self, batch: Sequence[Segment], encoded: EncodedChunks, request: DecodeRequest) -> list[Decoded]:
        hypotheses = encoded.decode(request)
        words = encoded.words([hypothesis.tokens for hypothesis in hypotheses], request, times=self.times)
        return [
            Decoded(chunk=chunk, hypothesis=hypothesis, words=tuple(heard))
            for chunk, hypothesis, heard in zip(batch, hypotheses, words, strict=True)
        ]
