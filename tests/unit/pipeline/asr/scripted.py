"""A recognition model that knows what was said, and makes the mistakes it is told to make."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.asr.backend import DecodeRequest, HeardWord, Hypothesis, TimedText
from pipeline.asr.chunk_audio import ChunkAudio
from pipeline.types import Segment
from pipeline.waveform import SAMPLE_RATE, Waveform

_CLOCK = 1000.0

Mistake = Callable[[Segment, DecodeRequest], Hypothesis | None]


def clock_waveform(seconds: float) -> Waveform:
    """Samples that say what time it is, so that a scripted model knows which stretch it was given."""
    so_far = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return Waveform.of((so_far / _CLOCK).astype(np.float32))


def no_mistake(chunk: Segment, request: DecodeRequest) -> Hypothesis | None:
    """Hear what was said."""
    return None


@dataclass
class Script:
    """`AsrBackend` in memory. `said` are words with the times at which they are said."""

    said: Sequence[tuple[float, str]]
    mistake: Mistake = no_mistake
    no_speech_prob: float = 0.1
    languages: Sequence[str] = ("en",)
    translates: bool = False
    attention_bias: float = 0.0
    batch_size: int = 8
    detects: Mapping[str, float] = field(default_factory=dict)
    name: str = "scripted"
    requests: list[tuple[Segment, DecodeRequest]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    timed: list[bool] = field(default_factory=list)
    lengths: Sequence[float] = (30.0,)
    """Seconds that chunks are filled up to, in order."""
    mixes_lengths: bool = False

    def padded_seconds(self, seconds: float) -> float:
        return max(self.lengths[bisect_left(self.lengths, seconds) :][:1], default=seconds)

    def encode(self, chunks: Sequence[ChunkAudio]) -> ScriptedBatch:
        self.batches.append(len(chunks))
        heard = [chunk.samples for chunk in chunks]
        starts = [float(samples[0]) * _CLOCK for samples in heard]
        ends = [start + len(samples) / SAMPLE_RATE for start, samples in zip(starts, heard, strict=True)]
        spans = list(map(Segment, starts, ends))
        return ScriptedBatch(self, spans)


@dataclass
class ScriptedBatch:
    script: Script
    spans: Sequence[Segment]

    def decode(self, request: DecodeRequest) -> Sequence[Hypothesis]:
        self.script.requests += [(span, request) for span in self.spans]
        return [self.script.mistake(span, request) or self.heard(span, request) for span in self.spans]

    def heard(self, span: Segment, request: DecodeRequest) -> Hypothesis:
        # By the middle of the word: its edges are where chunks are cut.
        inside = [number for number, (time, _) in enumerate(self.script.said) if span.start <= time + 0.1 < span.end]
        return hypothesis(self.script, inside, span, request)

    def words(
        self,
        texts: Sequence[Sequence[int]],
        probabilities: Sequence[Sequence[float] | None],
        request: DecodeRequest,
        *,
        times: bool,
    ) -> Sequence[list[HeardWord]]:
        self.script.timed.append(times)
        return [
            [self.word(token, span, times=times) for token in text]
            for text, span in zip(texts, self.spans, strict=True)
        ]

    def word(self, token: int, span: Segment, *, times: bool) -> HeardWord:
        time, text = self.script.said[token]
        start = time - span.start if times else None
        end = time - span.start + 0.2 if times else None
        return HeardWord(text=text, tokens=(token,), probability=0.9, start=start, end=end)

    def languages(self) -> Sequence[Mapping[str, float]]:
        return [self.script.detects for _ in self.spans]


def hypothesis(
    script: Script, tokens: Sequence[int], span: Segment, request: DecodeRequest, *, logprob: float = -0.2
) -> Hypothesis:
    """Text of words by their numbers; with timestamps one segment a word."""
    segments: tuple[TimedText, ...] = ()
    if request.timestamps:
        segments = tuple(
            TimedText(
                start=script.said[token][0] - span.start,
                end=min(span.duration, script.said[token][0] - span.start + 0.3),
                text=script.said[token][1],
                tokens=(token,),
            )
            for token in tokens
        )
    return Hypothesis(
        text=" ".join(script.said[token][1] for token in tokens),
        tokens=tuple(tokens),
        avg_logprob=logprob,
        no_speech_prob=script.no_speech_prob,
        temperature=request.temperature,
        segments=segments,
        reached=segments[-1].end if segments else None,
    )
