"""The texts that a search follows for one chunk: which go on, which are finished, when it is over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

MARGIN: Final = 1.0
"""Natural logarithms by which a text may be less likely than the best of its length and still be followed.

Of a beam of five most texts never win. With this margin two are followed on average, and it errs no more: DECISIONS.md.
"""
ALIKE: Final = 3
"""Tokens in a row after which two texts go on alike, so that only the likelier is followed."""


@dataclass(frozen=True, slots=True)
class Text:
    """Tokens with the logarithm of the probability of each, given those before."""

    tokens: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    score: float = 0.0
    """Sum of the logarithms, that of the end of text included once it is finished."""

    @property
    def mean(self) -> float:
        """Score a token; the end of text counts as one, also where the limit came before it."""
        return self.score / (len(self.tokens) + 1)

    def longer(self, token: int, logprob: float) -> Text:
        """The text with one more token."""
        return Text((*self.tokens, token), (*self.logprobs, logprob), self.score + logprob)


@dataclass(slots=True)
class Beam:
    """The search of one chunk, step by step. Knows no network."""

    size: int
    """Most texts to follow."""
    limit: int
    """Most tokens of a text."""
    end: int
    """Token of the end of text."""
    texts: list[Text] = field(default_factory=lambda: [Text()])
    """Those that are followed, the likeliest first; empty when the search is over."""
    finished: list[Text] = field(default_factory=list)

    def advance(self, tokens: Sequence[Sequence[int]], logprobs: Sequence[Sequence[float]]) -> list[int]:
        """Go on by one token, and say which text each of the new `texts` goes on from.

        Given are, for each text, the likeliest next tokens and their logarithms, the likeliest first: one more than
        `size` of them, as one may be the end of text.
        """
        options = sorted(
            (
                (text.score + logprob, parent, token, logprob)
                for parent, text in enumerate(self.texts)
                for token, logprob in zip(tokens[parent], logprobs[parent], strict=True)
            ),
            key=lambda option: -option[0],
        )
        parents: list[int] = []
        followed: list[Text] = []
        seen: set[tuple[int, ...]] = set()
        for rank, (score, parent, token, logprob) in enumerate(options[: 2 * self.size]):
            if score < options[0][0] - MARGIN:
                break
            text = self.texts[parent]
            if token == self.end:
                if rank < self.size:
                    self.finished.append(Text(text.tokens, text.logprobs, score))
                continue
            longer = text.longer(token, logprob)
            if len(followed) < self.size and not self._followed(longer, seen):
                parents.append(parent)
                followed.append(longer)
        if followed and len(followed[0].tokens) >= self.limit:
            self.finished += followed
            followed = []
        self.texts = [] if self._decided(followed) else followed
        return parents if self.texts else []

    def _decided(self, followed: Sequence[Text]) -> bool:
        """Whether a finished text is as likely as the likeliest of those that go on, which can only become less so."""
        likeliest = max((text.score for text in self.finished), default=-math.inf)
        return not followed or likeliest >= followed[0].score

    @staticmethod
    def _followed(text: Text, seen: set[tuple[int, ...]]) -> bool:
        """Whether one that goes on alike has been `seen`; this one is from now on."""
        ending = text.tokens[-ALIKE:]
        if len(text.tokens) > ALIKE and ending in seen:
            return True
        seen.add(ending)
        return False

    @property
    def best(self) -> Text:
        """The finished text with the best mean."""
        return max(self.finished, key=lambda text: text.mean)
