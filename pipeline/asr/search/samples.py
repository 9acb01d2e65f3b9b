"""Texts of one chunk that are drawn by chance, each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pipeline.asr.search.beam import Text

SAMPLES: Final = 5
"""Texts drawn at a temperature above 0, of which the likeliest is taken; as in Whisper's own decoding."""
SEED: Final = 20
"""Any number; sampled text should not differ from run to run."""


@dataclass(slots=True)
class Samples:
    """As `Beam`, for texts whose tokens are drawn."""

    limit: int
    """Most tokens of a text."""
    end: int
    """Token of the end of text."""
    texts: list[Text] = field(default_factory=lambda: [Text()])
    """Those that are being drawn; at first the empty one, from which all go on."""
    finished: list[Text] = field(default_factory=list)

    def advance(self, tokens: Sequence[Sequence[int]], logprobs: Sequence[Sequence[float]]) -> list[int]:
        """Go on by a token, and say which text each of the new `texts` goes on from.

        Given are, for each text, the tokens that were drawn to follow it, and their logarithms.
        """
        parents: list[int] = []
        texts: list[Text] = []
        for parent, text in enumerate(self.texts):
            for token, logprob in zip(tokens[parent], logprobs[parent], strict=True):
                longer = text.longer(token, logprob)
                if token == self.end:
                    self.finished.append(Text(text.tokens, text.logprobs, longer.score))
                elif len(longer.tokens) >= self.limit:
                    self.finished.append(longer)
                else:
                    parents.append(parent)
                    texts.append(longer)
        self.texts = texts
        return parents

    @property
    def best(self) -> Text:
        """The likeliest of what was drawn, by its mean."""
        return max(self.finished, key=lambda text: text.mean)
