"""A batch of encoded chunks: text, words and languages of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from pipeline.asr.backend import DecodeRequest, HeardWord, Hypothesis, TimedText
from pipeline.asr.encoded import Encoded
from pipeline.asr.search.attention_alignment import AlignedTokens
from pipeline.asr.search.samples import SAMPLES
from pipeline.asr.search.text_search import TextSearch
from pipeline.asr.search.timestamp_rules import LATEST_START
from pipeline.asr.whisper_model import WhisperParts
from pipeline.asr.whisper_tokens import (
    TIMESTAMP_STEP,
    UNSPACED_LANGUAGES,
    TokenSpan,
    split_at_timestamps,
    token_limit,
    word_spans,
)

_NO_TIMES = 1
# Encoder frames the alignment may look at where only probabilities are wanted: its cost grows with them
# (6.7 instead of 11.5 CPU seconds an hour of speech), the probabilities do not depend on them.


@dataclass(frozen=True, slots=True)
class _Output:
    """What a search says of one chunk."""

    tokens: tuple[int, ...]
    """Timestamps among them, where they were asked for."""
    logprobs: tuple[float, ...] | None
    mean: float
    """Of the log-probabilities, the end of text counting as one more token."""
    no_speech: float

    @staticmethod
    def of(result: Any) -> _Output:  # noqa: ANN401 - ctranslate2 has no annotations
        """From a ctranslate2.models.WhisperGenerationResult: the likeliest of its texts."""
        best = int(np.argmax(result.scores))
        tokens = tuple(result.sequences_ids[best])
        return _Output(
            tokens, None, float(result.scores[best]) * len(tokens) / (len(tokens) + 1), float(result.no_speech_prob)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WhisperBatch:
    """`EncodedChunks` of Whisper."""

    parts: WhisperParts
    encoded: Encoded
    durations: tuple[float, ...]
    """Seconds of each chunk."""
    padded_seconds: tuple[float, ...]
    """What each was filled up to."""

    def decode(self, request: DecodeRequest) -> tuple[Hypothesis, ...]:
        """Give one hypothesis a chunk."""
        if self.parts.own is not None:
            return self._searched(self.parts.own.search, request)
        outputs: dict[int, _Output] = {}
        for numbers, view in self.encoded.by_length():
            results = self._generated(view, len(numbers), self._limit(numbers[0]), request)
            outputs.update(zip(numbers, map(_Output.of, results), strict=True))
        return tuple(
            self._hypothesis(outputs[number], duration, request) for number, duration in enumerate(self.durations)
        )

    def _limit(self, number: int) -> int:
        """Most tokens of a chunk's text."""
        return token_limit(self.padded_seconds[number], self.parts.max_tokens // 2)

    def _audio(self) -> list[torch.Tensor]:
        """What was encoded of each chunk, (frames, width), as our own search takes it."""
        return [torch.from_numpy(chunk[0]) for chunk in self.encoded.chunks]

    def _searched(self, search: TextSearch, request: DecodeRequest) -> tuple[Hypothesis, ...]:
        """Find texts by our own search."""
        encoded = self._audio()
        prompt = self.parts.prompt(request)
        room = self.parts.max_tokens - len(prompt)
        limits = [min(room, self._limit(number)) for number in range(len(encoded))]
        stamps, heat = request.timestamps, request.temperature
        if heat > 0:
            found = search.drawn(encoded, prompt, limits, temperature=heat, timestamps=stamps)
        else:
            found = search.likeliest(encoded, prompt, limits, beam_size=request.beam_size, timestamps=stamps)
        return tuple(
            self._hypothesis(
                _Output(one.text.tokens, one.text.logprobs, one.text.mean, one.no_speech), duration, request
            )
            for one, duration in zip(found, self.durations, strict=True)
        )

    def _generated(self, view: Any, chunks: int, limit: int, request: DecodeRequest) -> list[Any]:  # noqa: ANN401
        """Let CTranslate2 search or, above temperature 0, sample: `WhisperGenerationResult` of each chunk."""
        prompt = self.parts.prompt(request)
        search: dict[str, Any] = {"beam_size": request.beam_size, "patience": 1}
        network = self.parts.network
        if request.temperature > 0:
            network = self.parts.fresh_network()
            search = {
                "beam_size": 1,
                "num_hypotheses": SAMPLES,
                "sampling_topk": 0,
                "sampling_temperature": request.temperature,
            }
        results = network.generate(
            view,
            [prompt] * chunks,
            # CTranslate2 generates at most half of this, and at most this less the prompt.
            max_length=min(self.parts.max_tokens, max(2 * limit, limit + len(prompt))),
            return_scores=True,
            return_no_speech_prob=True,
            max_initial_timestamp_index=LATEST_START,
            **search,
        )
        return list(results)

    def _hypothesis(self, output: _Output, duration: float, request: DecodeRequest) -> Hypothesis:
        first_timestamp = self.parts.first_timestamp
        tokens, logprobs = output.tokens, output.logprobs
        places = [place for place, token in enumerate(tokens) if token < first_timestamp]
        text = tuple(tokens[place] for place in places)
        segments: tuple[TimedText, ...] = ()
        reached = None
        if request.timestamps:
            parts, reached = split_at_timestamps(tokens, first_timestamp, duration)
            segments = tuple(
                TimedText(
                    start=part.start,
                    end=part.end,
                    text=self.parts.decode(list(part.tokens)).strip(),
                    tokens=part.tokens,
                )
                for part in parts
            )
        return Hypothesis(
            text=self.parts.decode(list(text)).strip(),
            tokens=text,
            avg_logprob=output.mean,
            no_speech_prob=output.no_speech,
            probabilities=None if logprobs is None else tuple(math.exp(logprobs[place]) for place in places),
            temperature=request.temperature,
            segments=segments,
            reached=reached,
        )

    def words(
        self,
        texts: Sequence[Sequence[int]],
        probabilities: Sequence[Sequence[float] | None],
        request: DecodeRequest,
        *,
        times: bool,
    ) -> list[list[HeardWord]]:
        """Split texts into words with the mean probability of their tokens and, if asked, cross-attention times."""
        if not any(texts):
            return [[] for _ in texts]
        spaced = request.language not in UNSPACED_LANGUAGES
        spans = [word_spans(text, self.parts.decode, spaced=spaced) for text in texts]
        known = [one for one in probabilities if one is not None]
        if len(known) == len(texts) and not times:
            return [
                [_heard(span, text, likely, None) for span in words]
                for text, likely, words in zip(texts, known, spans, strict=True)
            ]
        aligned = self._aligned(texts, request, times=times)
        return [
            [_heard(span, text, one.probabilities, one.first_frames if times else None) for span in words]
            for text, words, one in zip(texts, spans, aligned, strict=True)
        ]

    def _aligned(
        self, texts: Sequence[Sequence[int]], request: DecodeRequest, *, times: bool
    ) -> Sequence[AlignedTokens]:
        """One text a chunk, by cross-attention; without `times` the probabilities alone mean anything."""
        start, own = self.parts.start(request), self.parts.own
        frames = [max(1, round(seconds / TIMESTAMP_STEP)) if times else _NO_TIMES for seconds in self.durations]
        if own is not None:
            return [
                own.alignment(audio, start, text, number)
                for audio, text, number in zip(self._audio(), texts, frames, strict=True)
            ]
        results = self.parts.align(self.encoded, start, texts, [2 * number for number in frames])
        return [
            AlignedTokens(_first_frames(result.alignments, len(text)), tuple(result.text_token_probs))
            for text, result in zip(texts, results, strict=True)
        ]

    def languages(self) -> list[Mapping[str, float]]:
        """Give the probability of every language, by chunk."""
        if self.parts.own is not None:
            tokens = list(self.parts.languages.values())
            shares = self.parts.own.search.languages(self._audio(), tokens)
            return [dict(zip(self.parts.languages, each, strict=True)) for each in shares]
        return [
            {token.strip("<|>"): float(probability) for token, probability in result}
            for _, view in self.encoded.one_by_one()
            for result in self.parts.network.detect_language(view)
        ]


def _first_frames(alignments: Sequence[tuple[int, int]], tokens: int) -> tuple[int, ...]:
    """First frame on CTranslate2's path of every token and of the end of text, (tokens + 1,)."""
    frames = [0] * (tokens + 1)
    seen = -1
    for token, frame in alignments:
        if token > seen:
            frames[token] = frame
            seen = token
    return tuple(frames)


def _heard(
    span: TokenSpan, text: Sequence[int], probabilities: Sequence[float], frames: Sequence[int] | None
) -> HeardWord:
    return HeardWord(
        text=span.text,
        tokens=tuple(text[span.first : span.last]),
        probability=float(np.clip(np.mean(probabilities[span.first : span.last]), 0.0, 1.0)),
        start=frames[span.first] * TIMESTAMP_STEP if frames else None,
        end=frames[span.last] * TIMESTAMP_STEP if frames else None,
    )
