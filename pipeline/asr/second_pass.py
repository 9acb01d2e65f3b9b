"""A second look at chunks whose first text cannot be right: with timestamps, in parts, and sampled if need be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.asr.batching import Decoded
from pipeline.asr.decoding import ChunkDecoder
from pipeline.asr.guards import Fault, count_words, find_fault, unsayable
from pipeline.asr.pieces import Piece, by_timestamps
from pipeline.asr.speech import SpeechClock
from pipeline.options import AsrOptions
from pipeline.types import Segment

_MAX_DEPTH = 3
# A rest of a rest of a rest is decoded; what is still open then stays open.
_MIN_REST = 1.0
# Seconds of speech after the model's last timestamp that are worth another decoding.
_MIN_HOLE = 1.5
# The same for speech between two of its segments.
_SLACK = 0.05
# Seconds; a segment that begins at the very end of the chunk is an artefact.


@dataclass(frozen=True, slots=True)
class _Task:
    """A stretch to decode: part of chunk number `owner`, `depth` cuts down."""

    span: Segment
    owner: int
    depth: int


def decode_again(
    chunks: Sequence[Segment], decoder: ChunkDecoder, clock: SpeechClock, options: AsrOptions
) -> list[list[Piece]]:
    """Decode chunks with timestamps; what the model leaves out is cut out and decoded again.

    Gives the pieces of every chunk, in order; none where every text had a fault.
    """

    def faulty(decoded: Decoded) -> bool:
        return _fault(decoded, decoder.request.language, clock, options) is not None

    found: list[list[Piece]] = [[] for _ in chunks]
    tasks = [_Task(chunk, owner, 0) for owner, chunk in enumerate(chunks)]
    while tasks:
        by_span = {task.span: task for task in tasks}
        tasks = []
        for batch in decoder.decode(list(by_span), timestamps=True, again=faulty):
            for decoded in batch:
                task = by_span[decoded.chunk]
                pieces, reached = _pieces(_believable(decoded, decoder, clock, options), task.span)
                found[task.owner] += pieces
                if task.depth < _MAX_DEPTH:
                    left = _left_out(task.span, pieces, reached, clock)
                    tasks += [_Task(span, task.owner, task.depth + 1) for span in left]
    return [sorted(pieces, key=lambda piece: piece.span) for pieces in found]


def _believable(decoded: Decoded, decoder: ChunkDecoder, clock: SpeechClock, options: AsrOptions) -> Decoded | None:
    """Give the text itself if it has no fault, else the first sampled one without, else the likeliest that may pass."""

    def fault(candidate: Decoded) -> Fault | None:
        return _fault(candidate, decoder.request.language, clock, options)

    said = decoded.hypothesis
    # Sampling finds words in anything; where there is no speech to begin with it is not asked.
    if fault(decoded) is None or unsayable(said.text, said.no_speech_prob, options) is not None:
        return decoded
    tried = [decoded]
    for candidate in decoder.sample(decoded.chunk, options.temperatures, timestamps=True):
        if fault(candidate) is None:
            return candidate
        tried.append(candidate)
    unlikely = [candidate for candidate in tried if fault(candidate) is Fault.LOW_LOGPROB]
    return max(unlikely, key=lambda candidate: candidate.hypothesis.avg_logprob, default=None)


def _fault(decoded: Decoded, language: str, clock: SpeechClock, options: AsrOptions) -> Fault | None:
    words = count_words(decoded.hypothesis.text, language)
    return find_fault(decoded.hypothesis, words, clock.seconds(decoded.chunk), options)


def _pieces(decoded: Decoded | None, span: Segment) -> tuple[list[Piece], float]:
    """Pieces of a chunk and the instant up to which it is accounted for."""
    if decoded is None:
        return [], span.end
    reached = decoded.hypothesis.reached
    pieces = by_timestamps(span, decoded.hypothesis, decoded.words)
    kept = [piece for piece in pieces if piece.span.start < span.end - _SLACK]
    return kept, span.end if reached is None else min(span.end, span.start + reached)


def _left_out(span: Segment, pieces: Sequence[Piece], reached: float, clock: SpeechClock) -> list[Segment]:
    """Stretches with speech that the pieces of a span do not cover: holes between them and the rest after them."""
    if not pieces:
        return []
    rest = Segment(reached, span.end)
    edges = [span.start, *(edge for piece in pieces for edge in (piece.span.start, piece.span.end))]
    holes = [Segment(start, end) for start, end in zip(edges[::2], edges[1::2], strict=False)]
    left = [hole for hole in holes if clock.seconds(hole) > _MIN_HOLE]
    return [*left, rest] if clock.seconds(rest) > _MIN_REST else left
