"""One recording and one model: chunks in, pieces of text out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from pipeline.asr.backend import AsrBackend, DecodeRequest
from pipeline.asr.batching import Batcher, Decoded, Order, decoded_of
from pipeline.asr.chunk_audio import ChunkAudio, ChunkAudios
from pipeline.asr.pieces import Piece
from pipeline.side_by_side import anew
from pipeline.types import Segment
from pipeline.waveform import SAMPLE_RATE


def never(_: Decoded) -> bool:
    """Not again."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkDecoder:
    """Decodes chunks of one recording."""

    backend: AsrBackend
    audio: ChunkAudios
    request: DecodeRequest
    batches: Batcher
    times: bool
    """Whether words get cross-attention times at once; they can be had later, at the cost of encoding again."""

    def decode(
        self, chunks: Sequence[Segment], *, timestamps: bool = False, again: Callable[[Decoded], bool] = never
    ) -> Iterator[list[Decoded]]:
        """Decode chunks, in any order. `again`: whether a chunk may have to be decoded once more, by its text."""
        request = replace(self.request, timestamps=timestamps)
        return self.batches.decode([self._order(self.audio.take(chunk), request, again) for chunk in chunks])

    def sample(self, chunk: Segment, temperatures: Sequence[float], *, timestamps: bool) -> Iterator[Decoded]:
        """Decode one chunk at one temperature after the other, for as long as the caller asks for more."""
        audio = self.audio.take(chunk)
        encoded = anew(lambda: self.backend.encode([audio]))
        self.audio.put_back(audio, again=False)
        for temperature in temperatures:
            self.batches.step()
            request = replace(self.request, timestamps=timestamps, temperature=temperature)
            yield anew(partial(decoded_of, encoded, [self._order(audio, request)]))[0]

    def with_times(self, piece: Piece) -> Piece:
        """Give the words of a piece cross-attention times."""
        texts = [[token for word in piece.words for token in word.tokens]]
        audio = self.audio.take(piece.span)
        words = anew(lambda: self.backend.encode([audio]).words(texts, [None], self.request, times=True))
        self.audio.put_back(audio, again=False)
        return replace(piece, words=tuple(words[0]))

    def _order(self, audio: ChunkAudio, request: DecodeRequest, again: Callable[[Decoded], bool] = never) -> Order:
        # By its samples, as the model will see it: a chunk's edges rarely lie on one.
        seconds = len(audio.samples) / SAMPLE_RATE
        return Order(
            audio=audio,
            request=request,
            times=self.times,
            padded=None if self.backend.mixes_lengths else self.backend.padded_seconds(seconds),
            decoded=lambda decoded: self.audio.put_back(audio, again=again(decoded)),
        )
