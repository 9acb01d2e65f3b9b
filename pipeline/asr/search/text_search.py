"""From encoded chunks to their likeliest texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from pipeline.asr.search.beam import Beam, Text
from pipeline.asr.search.decoder import ChunkState, WhisperDecoder
from pipeline.asr.search.timestamp_rules import TimestampRules

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
    beam: Beam
    timestamps: bool
    no_speech: float = 0.0


class TextSearch:
    """Beam search over chunks side by side. A chunk's text does not depend on the others."""

    def __init__(self, decoder: WhisperDecoder, tokens: SearchTokens) -> None:
        self._decoder = decoder
        self._tokens = tokens
        self._never = torch.tensor(tokens.never, dtype=torch.long)
        self._never_first = torch.tensor(tokens.never_first, dtype=torch.long)

    @torch.inference_mode()
    def __call__(
        self,
        encoded: Sequence[Tensor],
        prompt: Sequence[int],
        limits: Sequence[int],
        beam_size: int,
        *,
        timestamps: bool = False,
    ) -> list[Found]:
        """Find the likeliest text of every chunk.

        `encoded`: (frames, width) of each chunk, of any length; `prompt`: what is before every text, with the start of
        transcript; `limits`: most tokens of each chunk's text; `timestamps`: whether texts are to hold timestamps.
        """
        chunks = [
            _Chunk(self._decoder.hear(audio), Beam(beam_size, limit, self._tokens.end), timestamps)
            for audio, limit in zip(encoded, limits, strict=True)
        ]
        rows = self._decoder.advance([chunk.state for chunk in chunks], [torch.tensor([list(prompt)])] * len(chunks))
        opening = torch.stack([row[0, prompt.index(self._tokens.start)] for row in rows])
        silent = self._decoder.outputs(opening).softmax(1)[:, self._tokens.no_speech]
        for chunk, probability in zip(chunks, silent.tolist(), strict=True):
            chunk.no_speech = probability
        self._choose(chunks, rows)
        while searching := [chunk for chunk in chunks if chunk.beam.texts]:
            said = [torch.tensor([[text.tokens[-1]] for text in chunk.beam.texts]) for chunk in searching]
            self._choose(searching, self._decoder.advance([chunk.state for chunk in searching], said))
        return [Found(chunk.beam.best, chunk.no_speech) for chunk in chunks]

    def _choose(self, chunks: Sequence[_Chunk], rows: Sequence[Tensor]) -> None:
        """Let every beam go on by a token, given what the decoder gives for its texts, (texts, tokens, width)."""
        outputs = self._decoder.outputs(torch.cat([row[:, -1] for row in rows])).index_fill_(1, self._never, _NEVER)
        texts = [(text, chunk) for chunk in chunks for text in chunk.beam.texts]
        for row, (text, chunk) in zip(outputs, texts, strict=True):
            if not text.tokens:
                row.index_fill_(0, self._never_first, _NEVER)
            if chunk.timestamps:
                self._tokens.stamps.apply(row, text.tokens)
        best, tokens = outputs.log_softmax(1).topk(1 + max(chunk.beam.size for chunk in chunks), 1)
        logprobs, candidates, first = best.tolist(), tokens.tolist(), 0
        for chunk in chunks:
            last = first + len(chunk.beam.texts)
            chunk.state.follow(chunk.beam.advance(candidates[first:last], logprobs[first:last]))
            first = last
