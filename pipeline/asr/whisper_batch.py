"""A batch of encoded chunks: text, words and languages of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.asr.backend import DecodeRequest, HeardWord, Hypothesis, TimedText
from pipeline.asr.whisper_model import WhisperParts
from pipeline.asr.whisper_tokens import (
    TIMESTAMP_STEP,
    UNSPACED_LANGUAGES,
    TokenSpan,
    split_at_timestamps,
    token_limit,
    word_spans,
)

_MAX_INITIAL_TIMESTAMP = 1.0
# Seconds; as in Whisper's own decoding.
_SAMPLES = 5
# Texts drawn at a temperature above 0, of which the likeliest is taken; as in Whisper's own decoding.
_NO_TIMES = 1
# Encoder frames the alignment may look at where only probabilities are wanted: its cost grows with them
# (6.7 instead of 11.5 CPU seconds an hour of speech), the probabilities do not depend on them.


@dataclass(frozen=True, slots=True, kw_only=True)
class WhisperBatch:
    """`EncodedChunks` of Whisper."""

    parts: WhisperParts
    encoded: Any
    """ctranslate2.StorageView, (chunks, frames, dim)."""
    durations: tuple[float, ...]
    """Seconds of each chunk."""
    padded_seconds: float
    """What all were filled up to."""

    def decode(self, request: DecodeRequest) -> tuple[Hypothesis, ...]:
        """Give one hypothesis a chunk."""
        prompt = self.parts.prompt(request)
        # By what it was filled up to, not by the longest: a text must not depend on who shares the batch.
        tokens = token_limit(self.padded_seconds, self.parts.max_tokens // 2)
        network = self.parts.network
        search: dict[str, Any] = {"beam_size": request.beam_size, "patience": 1}
        if request.temperature > 0:
            network = self.parts.fresh_network()
            search = {
                "beam_size": 1,
                "num_hypotheses": _SAMPLES,
                "sampling_topk": 0,
                "sampling_temperature": request.temperature,
            }
        results = network.generate(
            self.encoded,
            [prompt] * len(self.durations),
            # CTranslate2 generates at most half of this, and at most this less the prompt.
            max_length=min(self.parts.max_tokens, max(2 * tokens, tokens + len(prompt))),
            return_scores=True,
            return_no_speech_prob=True,
            max_initial_timestamp_index=round(_MAX_INITIAL_TIMESTAMP / TIMESTAMP_STEP),
            **search,
        )
        return tuple(
            self._hypothesis(result, duration, request)
            for result, duration in zip(results, self.durations, strict=True)
        )

    def _hypothesis(self, result: Any, duration: float, request: DecodeRequest) -> Hypothesis:  # noqa: ANN401
        best = int(np.argmax(result.scores))
        tokens: list[int] = list(result.sequences_ids[best])
        first_timestamp = self.parts.first_timestamp
        text = tuple(token for token in tokens if token < first_timestamp)
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
            # The score is a mean over the tokens; the end-of-text token counts as one more.
            avg_logprob=float(result.scores[best]) * len(tokens) / (len(tokens) + 1),
            no_speech_prob=float(result.no_speech_prob),
            temperature=request.temperature,
            segments=segments,
            reached=reached,
        )

    def words(self, texts: Sequence[Sequence[int]], request: DecodeRequest, *, times: bool) -> list[list[HeardWord]]:
        """Split texts into words with the mean probability of their tokens and, if asked, cross-attention times."""
        if not any(texts):
            return [[] for _ in texts]
        frames = [
            max(1, round(duration / TIMESTAMP_STEP)) * 2 if times else _NO_TIMES * 2 for duration in self.durations
        ]
        results = self.parts.align(self.encoded, self.parts.start(request), texts, frames)
        spaced = request.language not in UNSPACED_LANGUAGES
        out = []
        for text, result in zip(texts, results, strict=True):
            spans = word_spans(text, self.parts.decode, spaced=spaced)
            starts = _token_starts(result.alignments, len(text)) if times else None
            out.append([_heard(span, text, result.text_token_probs, starts) for span in spans])
        return out

    def languages(self) -> list[Mapping[str, float]]:
        """Give the probability of every language, by chunk."""
        results = self.parts.network.detect_language(self.encoded)
        return [{token.strip("<|>"): float(probability) for token, probability in result} for result in results]


def _token_starts(alignments: Sequence[tuple[int, int]], tokens: int) -> list[float]:
    """First instant on the warping path of every token and of the end of text, (tokens + 1,), in seconds."""
    starts = [0.0] * (tokens + 1)
    seen = -1
    for token, frame in alignments:
        if token > seen:
            starts[token] = frame * TIMESTAMP_STEP
            seen = token
    return starts


def _heard(
    span: TokenSpan, text: Sequence[int], probabilities: Sequence[float], starts: Sequence[float] | None
) -> HeardWord:
    return HeardWord(
        text=span.text,
        tokens=tuple(text[span.first : span.last]),
        probability=float(np.clip(np.mean(probabilities[span.first : span.last]), 0.0, 1.0)),
        start=starts[span.first] if starts else None,
        end=starts[span.last] if starts else None,
    )
