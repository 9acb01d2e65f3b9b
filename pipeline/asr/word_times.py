"""The words of a chunk get their times: by forced alignment, else by cross-attention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.alignment.aligner import ForcedAligner
from pipeline.alignment.timing import UntimedWord, settle
from pipeline.asr.decoding import ChunkDecoder
from pipeline.asr.pieces import Piece
from pipeline.types import RecognizedSegment, Segment, Timing, Word


@dataclass(frozen=True, slots=True)
class WordTimer:
    """Times the words of one recording, chunk by chunk."""

    decoder: ChunkDecoder
    aligner: ForcedAligner | None

    def segments(self, chunk: Segment, pieces: Sequence[Piece]) -> list[RecognizedSegment]:
        """Give the pieces of a chunk as segments with timed words.

        All pieces are aligned at once: the aligner has to find a place for every word it is given, and would put
        those of one piece anywhere if the others were kept from it.
        """
        words = [word.text for piece in pieces for word in piece.words]
        forced = self._align(chunk, words)
        if forced is None:
            untimed = [word for piece in pieces for word in self._by_attention(piece)]
        else:
            heard = [word for piece in pieces for word in piece.words]
            untimed = [
                UntimedWord(word.text, word.probability, place) for word, place in zip(heard, forced, strict=True)
            ]
        timing = Timing.ATTENTION if forced is None else Timing.ALIGNED
        timed = iter(settle(untimed, chunk, timing))
        return [_segment(piece, timed) for piece in pieces if piece.words]

    def _align(self, chunk: Segment, words: Sequence[str]) -> list[Segment | None] | None:
        """Place words in the recording by forced alignment; None where there is no aligner or it fails."""
        if self.aligner is None or not words:
            return None
        aligned = self.aligner.align(self.decoder.waveform.crop(chunk), words)
        if aligned is None:
            return None
        return [None if word is None else Segment(chunk.start + word.start, chunk.start + word.end) for word in aligned]

    def _by_attention(self, piece: Piece) -> list[UntimedWord]:
        """Place words by cross-attention, less the model's bias."""
        if any(word.start is None for word in piece.words):
            piece = self.decoder.with_times(piece)
        shift = piece.span.start - self.decoder.backend.attention_bias
        return [
            UntimedWord(
                word.text,
                word.probability,
                None if word.start is None or word.end is None else Segment(shift + word.start, shift + word.end),
            )
            for word in piece.words
        ]


def _segment(piece: Piece, timed: Iterator[Word]) -> RecognizedSegment:
    words = tuple(next(timed) for _ in piece.words)
    return RecognizedSegment(
        start=piece.span.start,
        end=piece.span.end,
        text=piece.text,
        words=words,
        avg_logprob=piece.avg_logprob,
        no_speech_prob=piece.no_speech_prob,
        compression_ratio=piece.compression_ratio,
        temperature=piece.temperature,
    )
