"""From first and second texts of the chunks to the text that is believed, and the text that is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.asr.batching import Decoded
from pipeline.asr.decoding import ChunkDecoder
from pipeline.asr.guards import (
    SPARSE_MIN_SPEECH,
    Fault,
    count_words,
    find_fault,
    is_fuller,
    is_sparse,
    may_be_sparse,
    most_words,
    sparse_rate,
    unsayable,
)
from pipeline.asr.pieces import Piece, whole
from pipeline.asr.second_pass import decode_again
from pipeline.asr.speech import SpeechClock
from pipeline.options import AsrOptions
from pipeline.types import DroppedSpan, Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is believed of one chunk, and what is not."""

    chunk: Segment
    pieces: tuple[Piece, ...]
    dropped: tuple[DroppedSpan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """A chunk's first text, and what is wrong with it."""

    piece: Piece
    words: int
    speech: float
    fault: Fault | None
    sparse: bool

    @property
    def suspicious(self) -> bool:
        return self.sparse or self.fault is not None


def may_be_suspicious(decoded: Decoded, language: str, clock: SpeechClock, options: AsrOptions) -> bool:
    """Whether a chunk may be decoded again, told by its own first text; the last word has that of all the others."""
    words, speech = count_words(decoded.hypothesis.text, language), clock.seconds(decoded.chunk)
    return may_be_sparse(words, speech) or find_fault(decoded.hypothesis, words, speech, options) is not None


def judge(first: Sequence[Decoded], decoder: ChunkDecoder, clock: SpeechClock, options: AsrOptions) -> list[Judged]:
    """Decode suspicious chunks again and decide, chunk by chunk, in order of time."""
    attempts = _attempts(sorted(first, key=lambda decoded: decoded.chunk), decoder.request.language, clock, options)
    suspicious = [attempt.piece.span for attempt in attempts if attempt.suspicious]
    again = dict(zip(suspicious, decode_again(suspicious, decoder, clock, options), strict=True))
    language = decoder.request.language
    return [_judged(attempt, again.get(attempt.piece.span), language, clock, options) for attempt in attempts]


def _attempts(first: Sequence[Decoded], language: str, clock: SpeechClock, options: AsrOptions) -> list[_Attempt]:
    counts = [count_words(decoded.hypothesis.text, language) for decoded in first]
    seconds = [clock.seconds(decoded.chunk) for decoded in first]
    rate = sparse_rate([n / speech for n, speech in zip(counts, seconds, strict=True) if speech > SPARSE_MIN_SPEECH])
    return [
        _Attempt(
            piece=whole(decoded.chunk, decoded.hypothesis, decoded.words),
            words=words,
            speech=speech,
            fault=find_fault(decoded.hypothesis, words, speech, options),
            sparse=is_sparse(words, speech, rate),
        )
        for decoded, words, speech in zip(first, counts, seconds, strict=True)
    ]


def _judged(
    attempt: _Attempt, again: Sequence[Piece] | None, language: str, clock: SpeechClock, options: AsrOptions
) -> Judged:
    pieces, dropped = _chosen(attempt, again, language, options)
    believed = []
    for piece in pieces:
        fault = unsayable(piece.text, piece.no_speech_prob, options)
        if fault is None and clock.seconds(piece.span) <= 0.0:
            # Only with timestamps: a chunk as a whole holds speech, a segment of it may lie in a pause.
            fault = Fault.OUTSIDE_SPEECH
        if fault is None:
            believed.append(piece)
        elif piece.text:
            dropped.append(piece.dropped(fault))
    return Judged(chunk=attempt.piece.span, pieces=tuple(believed), dropped=tuple(dropped))


def _chosen(
    attempt: _Attempt, again: Sequence[Piece] | None, language: str, options: AsrOptions
) -> tuple[Sequence[Piece], list[DroppedSpan]]:
    """Choose between the first and the second text of a chunk."""
    first = [attempt.piece] if attempt.words else []
    if again is None:
        return first, []
    counts = [count_words(piece.text, language) for piece in again]
    words = sum(counts)
    if attempt.fault is not None:
        if again and words <= most_words(attempt.speech, options):
            return again, []
        return [], [attempt.piece.dropped(attempt.fault)]
    likely = float(np.average([piece.avg_logprob for piece in again], weights=counts)) if words else -np.inf
    fuller = is_fuller(words, attempt.words, likely, attempt.speech, options)
    return (again if fuller else first), []
