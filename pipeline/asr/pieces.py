"""Recognized text before its words have their final times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.asr.backend import HeardWord, Hypothesis
from pipeline.asr.guards import Fault, compression_ratio
from pipeline.types import DroppedSpan, Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The text of one stretch of the recording."""

    span: Segment
    text: str
    tokens: tuple[int, ...]
    words: tuple[HeardWord, ...]
    """Times, where there are any, are seconds from the start of `span`."""
    avg_logprob: float
    no_speech_prob: float
    temperature: float

    @property
    def compression_ratio(self) -> float:
        """How much shorter zlib makes the text."""
        return compression_ratio(self.text)

    def of_words(self, words: Sequence[HeardWord]) -> Piece:
        """The same piece with these words, and the text that they make."""
        tokens = tuple(token for word in words for token in word.tokens)
        return replace(self, words=tuple(words), text=" ".join(word.text for word in words), tokens=tokens)

    def dropped(self, fault: Fault) -> DroppedSpan:
        """Say that this text was not believed, and why."""
        return DroppedSpan(start=self.span.start, end=self.span.end, text=self.text, reason=fault.value)


def whole(span: Segment, hypothesis: Hypothesis, words: Sequence[HeardWord] = ()) -> Piece:
    """Make one piece of a chunk's whole text."""
    return Piece(
        span=span,
        text=hypothesis.text,
        tokens=hypothesis.tokens,
        words=tuple(words),
        avg_logprob=hypothesis.avg_logprob,
        no_speech_prob=hypothesis.no_speech_prob,
        temperature=hypothesis.temperature,
    )


def by_timestamps(span: Segment, hypothesis: Hypothesis, words: Sequence[HeardWord]) -> list[Piece]:
    """Make one piece a segment of a hypothesis with timestamps; a word goes where its first token lies."""
    pieces = []
    rest = list(words)
    behind = ahead = 0
    for segment in hypothesis.segments:
        ahead += len(segment.tokens)
        mine: list[HeardWord] = []
        while rest and (behind < ahead or segment is hypothesis.segments[-1]):
            mine.append(_shifted(rest.pop(0), segment.start))
            behind += len(mine[-1].tokens)
        if mine and segment.end > segment.start:
            place = Segment(span.start + segment.start, min(span.end, span.start + segment.end))
            pieces.append(whole(place, hypothesis).of_words(mine))
    return pieces


def _shifted(word: HeardWord, start: float) -> HeardWord:
    if word.start is None or word.end is None:
        return word
    return replace(word, start=word.start - start, end=word.end - start)
