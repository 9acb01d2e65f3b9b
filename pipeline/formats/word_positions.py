"""Where the words of utterances and segments stand in the transcript's list of words."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence

from pipeline.types import RecognizedSegment, Utterance, Word


class WordPositions:
    """Finds words in a list by value; equal words are found one after the other, in order."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._whole = _by(words, _same)
        self._spoken = _by(words, _same_but_for_speaker)

    def of_utterance(self, utterance: Utterance) -> tuple[int, ...]:
        """Positions of an utterance's words. Raises ValueError where the transcript lacks one of them."""
        positions = tuple(_take(self._whole, (_same(word) for word in utterance.words)))
        if len(positions) < len(utterance.words):
            message = f"the utterance at {utterance.start:.3f} s has a word that is not among the transcript's words"
            raise ValueError(message)
        return positions

    def of_segment(self, segment: RecognizedSegment) -> tuple[int, ...]:
        """Positions of a recognizer segment's words, whoever they were given to later.

        A word that does not name a channel is on its segment's. Words that a later stage moved in time or removed have
        no position.
        """
        return tuple(_take(self._spoken, (_same_but_for_speaker(word, segment.channel) for word in segment.words)))


def _same(word: Word) -> Hashable:
    return word


def _same_but_for_speaker(word: Word, channel: int | None = None) -> Hashable:
    return word.text, word.start, word.end, channel if word.channel is None else word.channel


def _by(words: Iterable[Word], key: Callable[[Word], Hashable]) -> dict[Hashable, deque[int]]:
    positions: dict[Hashable, deque[int]] = defaultdict(deque)
    for position, word in enumerate(words):
        positions[key(word)].append(position)
    return positions


def _take(positions: dict[Hashable, deque[int]], keys: Iterable[Hashable]) -> Iterable[int]:
    for key in keys:
        left = positions.get(key)
        if left:
            yield left.popleft()
