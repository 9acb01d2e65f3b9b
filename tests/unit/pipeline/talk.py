"""Whole recordings of tones: who speaks when, and what is said, is known exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.asr.chunk_audio import ChunkAudio
from pipeline.diarization import DiarizationPipeline
from pipeline.hooks import Hook
from pipeline.options import PipelineOptions
from pipeline.segmentation.segmenter import Segmentation
from pipeline.transcription import TranscriptionPipeline
from pipeline.types import FloatArray, ModelRecord, Notice, Segment
from pipeline.waveform import SAMPLE_RATE, Waveform
from tests.unit.pipeline.asr.scripted import Script, ScriptedBatch
from tests.unit.pipeline.conversation import KnowingSegmenter, Turns, segment, sing, tone_encoder

SECONDS = 40.0
TALK: Turns = {0: [(1.0, 9.0), (24.0, 30.0)], 1: [(10.0, 22.0), (32.0, 38.0)]}
APART = 1000.0
"""Seconds between the channels on the clock of the script."""
MODELS = (
    ModelRecord(kind="segmentation", name="tones", sha256="0"),
    ModelRecord(kind="asr", name="heard", sha256=None),
)


@dataclass
class Listener(Script):
    """A script that finds out by itself where in the recording a chunk was cut from."""

    recording: FloatArray = field(default_factory=lambda: np.zeros((1, 0), dtype=np.float32))

    def encode(self, chunks: Sequence[ChunkAudio]) -> ScriptedBatch:
        self.batches.append(len(chunks))
        return ScriptedBatch(self, [self._place(chunk.samples) for chunk in chunks])

    def _place(self, chunk: FloatArray) -> Segment:
        for number, samples in enumerate(self.recording):
            for first in np.flatnonzero(samples == chunk[0]):
                if np.array_equal(samples[first : first + len(chunk)], chunk):
                    start = APART * number + float(first) / SAMPLE_RATE
                    return Segment(start, start + len(chunk) / SAMPLE_RATE)
        message = "the chunk is from no channel of the recording"
        raise AssertionError(message)


class ChannelSegmenter(KnowingSegmenter):
    """Knows who is on which channel."""

    def __init__(self, recording: FloatArray, channels: Sequence[Turns]) -> None:
        super().__init__({})
        self.recording = recording
        self.channels = channels

    def __call__(self, audio: Waveform, hook: Hook | None = None) -> Segmentation:
        return self.hear(audio, hook, 1.0)

    def for_speech(self, audio: Waveform, hook: Hook | None = None) -> Segmentation:
        return self.hear(audio, hook, self.options.speech_step)

    def hear(self, audio: Waveform, hook: Hook | None, step: float) -> Segmentation:
        """Give the truth in windows `step` seconds apart."""
        if hook is not None:
            hook("segmentation", audio.duration, audio.duration)
        for samples, turns in zip(self.recording, self.channels, strict=True):
            if np.array_equal(samples, audio.mono):
                return segment(turns, audio.duration, step)
        return segment({}, audio.duration, step)


def spoken(turns: Turns, offset: float = 0.0) -> list[tuple[float, str]]:
    """A word every half second of every turn; its first letter says whose it is."""
    times = sorted(
        (time, "ab"[voice])
        for voice, stretches in turns.items()
        for start, end in stretches
        for time in np.arange(start + 0.1, end - 0.4, 0.5).tolist()
    )
    letters = np.random.default_rng(1).choice(list("dfgklmnprst"), (len(times), 4))
    return [(offset + time, name + "".join(rest)) for (time, name), rest in zip(times, letters, strict=True)]


def pipeline_for(
    channels: Sequence[Turns], options: PipelineOptions | None = None, notices: Sequence[Notice] = ()
) -> tuple[TranscriptionPipeline, Waveform]:
    """A pipeline that knows a recording, and the recording: one channel for each of `channels`."""
    singing = [sing(turns, SECONDS).mono for turns in channels]
    # What is the same on two channels would be one recording twice.
    noise = np.random.default_rng(9).normal(0, 1e-4, (len(singing), len(singing[0])))
    audio = Waveform.of((np.stack(singing) + noise).astype(np.float32), "talk")
    said = [word for number, turns in enumerate(channels) for word in spoken(turns, APART * number)]
    diarizer = DiarizationPipeline(ChannelSegmenter(audio.samples, channels), tone_encoder())
    backend = Listener(said, recording=audio.samples)
    return TranscriptionPipeline(diarizer, backend, options=options, models=MODELS, notices=notices), audio
