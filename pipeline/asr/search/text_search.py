"""From encoded chunks to their likeliest texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from pipeline.asr.network.decoder import ChunkState, WhisperDecoder
from pipeline.asr.search.beam import Beam, Text
from pipeline.asr.search.likeliest_tokens import likeliest
from pipeline.asr.search.samples import SAMPLES, SEED, Samples
from pipeline.asr.search.timestamp_rules import TimestampRules

Choose = Callable[[Tensor, int], tuple[Tensor, Tensor]]
"""From outputs, (texts, tokens), and the length of the texts, to tokens that follow each and their logarithms."""

_NEVER: Final = -math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTokens:
    """Tokens that mean something to the search."""

    start: int
    """Start of transcript: what comes after it may be that there is no speech."""
    end: int
    """End of text."""
    no_speech: int
    never: tuple[int, ...]
    """Tokens that no text holds: signs that nobody says, and control tokens."""
    never_first: tuple[int, ...]
    """Tokens that no text begins with: a blank, and the end of text."""
    stamps: TimestampRules


@dataclass(frozen=True, slots=True)
class Found:
    """The likeliest text of a chunk."""

    text: Text
    no_speech: float
    """Probability that there is no speech."""


@dataclass(slots=True)
class _Chunk:
    state: ChunkState
    course: Beam | Samples
    no_speech: float = 0.0


class TextSearch:
    """Search over chunks side by side. A chunk's text does not depend on the others.

    Holds no state of a chunk; may be shared between threads.
    """

    def __init__(self, decoder: WhisperDecoder, tokens: SearchTokens) -> None:
        self._decoder = decoder
        self._tokens = tokens
        self._never = torch.tensor([token for token in tokens.never if token < decoder.tokens], dtype=torch.long)
        self._never_first = torch.tensor(tokens.never_first, dtype=torch.long)

    def likeliest(
        self,
        encoded: Sequence[Tensor],
        prompt: Sequence[int],
        limits: Sequence[int],
        *,
        beam_size: int,
        timestamps: bool = False,
    ) -> list[Found]:
        """Find the likeliest text of every chunk by beam search.

        `encoded`: (frames, width) of each chunk, of any length; `prompt`: what is before every text, with the start of
        transcript; `limits`: most tokens of each chunk's text; `timestamps`: whether texts are to hold timestamps.
        """

        def choose(outputs: Tensor, _: int) -> tuple[Tensor, Tensor]:
            logprobs, tokens = likeliest(outputs.log_softmax(1), beam_size + 1)
            return tokens, logprobs

        courses = [Beam(beam_size, limit, self._tokens.end) for limit in limits]
        return self._searched(encoded, prompt, courses, choose, timestamps=timestamps)

    def drawn(
        self,
        encoded: Sequence[Tensor],
        prompt: Sequence[int],
        limits: Sequence[int],
        *,
        temperature: float,
        timestamps: bool = False,
    ) -> list[Found]:
        """Draw some texts of every chunk at a temperature above 0, and give the likeliest of them.

        As `likeliest` otherwise. The same chunk gets the same text every time.
        """
        found = []
        for audio, limit in zip(encoded, limits, strict=True):
            chance = torch.Generator().manual_seed(SEED)

            def draw(outputs: Tensor, said: int, chance: torch.Generator = chance) -> tuple[Tensor, Tensor]:
                number = 1 if said else SAMPLES
                shares = (outputs / temperature).softmax(1)
                tokens = torch.multinomial(shares, number, replacement=True, generator=chance)
                return tokens, outputs.log_softmax(1).gather(1, tokens)

            found += self._searched([audio], prompt, [Samples(limit, self._tokens.end)], draw, timestamps=timestamps)
        return found

    @torch.inference_mode()
    def languages(self, encoded: Sequence[Tensor], known: Sequence[int]) -> list[list[float]]:
        """The probability of each language, for each chunk, (frames, width); `known` are the tokens that name them."""
        chunks = [self._decoder.hear(audio) for audio in encoded]
        rows = self._decoder.advance(chunks, [torch.tensor([[self._tokens.start]])] * len(chunks))
        shares: list[list[float]] = (
            self._decoder.outputs(torch.cat([row[:, -1] for row in rows]))[:, list(known)].softmax(1).tolist()
        )
        return shares

    @torch.inference_mode()
    def _searched(
        self,
        encoded: Sequence[Tensor],
        prompt: Sequence[int],
        courses: Sequence[Beam | Samples],
        choose: Choose,
        *,
        timestamps: bool,
    ) -> list[Found]:
        chunks = [_Chunk(self._decoder.hear(audio), course) for audio, course in zip(encoded, courses, strict=True)]
        rows = self._decoder.advance([chunk.state for chunk in chunks], [torch.tensor([list(prompt)])] * len(chunks))
        opening = torch.stack([row[0, prompt.index(self._tokens.start)] for row in rows])
        silent = self._decoder.outputs(opening).softmax(1)[:, self._tokens.no_speech]
        for chunk, probability in zip(chunks, silent.tolist(), strict=True):
            chunk.no_speech = probability
        searching = chunks
        while searching:
            outputs = self._decoder.outputs(torch.cat([row[:, -1] for row in rows]))
            self._forbid(outputs, [text for chunk in searching for text in chunk.course.texts], timestamps=timestamps)
            tokens, logprobs = choose(outputs, len(searching[0].course.texts[0].tokens))
            self._go_on(searching, tokens.tolist(), logprobs.tolist())
            searching = [chunk for chunk in searching if chunk.course.texts]
            said = [torch.tensor([[text.tokens[-1]] for text in chunk.course.texts]) for chunk in searching]
            rows = self._decoder.advance([chunk.state for chunk in searching], said) if searching else []
        return [Found(chunk.course.best, chunk.no_speech) for chunk in chunks]

    def _forbid(self, outputs: Tensor, texts: Sequence[Text], *, timestamps: bool) -> None:
        """Take from outputs, (texts, tokens), what may not follow each text."""
        outputs.index_fill_(1, self._never, _NEVER)
        for row, text in zip(outputs, texts, strict=True):
            if not text.tokens:
                row.index_fill_(0, self._never_first, _NEVER)
            if timestamps:
                self._tokens.stamps.apply(row, text.tokens)

    @staticmethod
    def _go_on(chunks: Sequence[_Chunk], tokens: list[list[int]], logprobs: list[list[float]]) -> None:
        """Let every chunk's texts go on, given what may follow each of all texts."""
        first = 0
        for chunk in chunks:
            last = first + len(chunk.course.texts)
            chunk.state.follow(chunk.course.advance(tokens[first:last], logprobs[first:last]))
            first = last
