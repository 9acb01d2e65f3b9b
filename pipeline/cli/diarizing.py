"""Who spoke when, as a transcript without words that says how it was made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

from pipeline.attribution import channel_label
from pipeline.audio import downmix
from pipeline.diarization import DiarizationPipeline, honour_count
from pipeline.formats import diarized
from pipeline.frames import merge_touching
from pipeline.hooks import Hook
from pipeline.models import ModelStore
from pipeline.options import PipelineOptions
from pipeline.parties import ChannelHook, join_diarizations, keeps_channels_apart, noting_single_channel
from pipeline.segmentation.segmenter import Segmentation
from pipeline.segmentation.vad import detect_speech
from pipeline.transcription import Stopwatch
from pipeline.types import Diarization, ModelRecord, Provenance, Segment, Transcript
from pipeline.waveform import Waveform

SEGMENTATION = "segmentation-3.0"
STAGES = ("channels", "speakers", "segmentation", "vad", "diarization")
"""Options that have a part in this; those of recognition have none."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was found on one channel, or on all of them mixed."""

    diarization: Diarization
    speech: tuple[Segment, ...]


@dataclass(frozen=True, kw_only=True)
class Diarizer:
    """Loaded models and the options they run with."""

    pipeline: DiarizationPipeline
    models: tuple[ModelRecord, ...]
    options: PipelineOptions

    @classmethod
    def from_pretrained(cls, store: ModelStore, *, embedding: str, device: str, options: PipelineOptions) -> Diarizer:
        """Load the models from the store; raises `ModelUnavailable`, `ModelCorrupt` or `UnknownModel`."""
        pipeline = DiarizationPipeline.from_pretrained(
            store,
            segmentation=SEGMENTATION,
            embedding=embedding,
            device=device,
            options=options.diarization,
            segmentation_options=options.segmentation,
        )
        kinds = {"segmentation": SEGMENTATION, "embedding": embedding}
        models = tuple(replace(store.record(name), kind=kind) for kind, name in kinds.items())
        return cls(pipeline=pipeline, models=models, options=options)

    def __call__(self, audio: Waveform, hook: Hook, watch: Stopwatch) -> Transcript:
        """Diarize a decoded recording; `watch` may hold what decoding took.

        Raises `SpeakerCountUnreachable` where a strict number of speakers is not there.
        """
        channels = audio.channels
        with watch.stage("decode"):
            separate = keeps_channels_apart(audio, self.options)
            audio = audio if separate else downmix(noting_single_channel(audio, self.options))
        found = self._parties(audio, hook, watch) if separate else self._everyone(audio, hook, watch)
        return diarized(
            found.diarization,
            uri=audio.uri,
            duration=audio.duration,
            channels=channels,
            speech=found.speech,
            notices=tuple(dict.fromkeys((*audio.notices, *found.diarization.notices))),
            provenance=Provenance(
                version=version("hansard"),
                models=self.models,
                options=self._plain(),
                device=str(self.pipeline.segmenter.device),
                stage_seconds=watch.seconds,
            ),
        )

    def _everyone(self, audio: Waveform, hook: Hook, watch: Stopwatch) -> Found:
        """Everyone is on the one channel: tell the voices apart."""
        segmentation, speech = self._segment(audio, hook, watch)
        with watch.stage("diarization"):
            diarization = self.pipeline.diarize(audio, segmentation, self.options.speakers, hook)
        return Found(diarization=diarization, speech=speech)

    def _parties(self, audio: Waveform, hook: Hook, watch: Stopwatch) -> Found:
        """One party on each channel."""
        parties = [
            self._party(audio.channel(number), number, ChannelHook(hook, number, audio.channels), watch)
            for number in range(audio.channels)
        ]
        joined = join_diarizations([party.diarization for party in parties])
        return Found(
            diarization=honour_count(joined, self.options.speakers),
            speech=merge_touching([segment for party in parties for segment in party.speech]),
        )

    def _party(self, audio: Waveform, number: int, hook: Hook, watch: Stopwatch) -> Found:
        """One party has the channel to itself: everything on it is theirs."""
        segmentation, speech = self._segment(audio, hook, watch)
        with watch.stage("diarization"):
            diarization = self.pipeline.single_voice(audio, segmentation, channel_label(number), number)
        return Found(diarization=diarization, speech=speech)

    def _segment(self, audio: Waveform, hook: Hook, watch: Stopwatch) -> tuple[Segmentation, tuple[Segment, ...]]:
        with watch.stage("segmentation"):
            segmentation = self.pipeline.segmenter(audio, hook)
            return segmentation, detect_speech(segmentation, self.options.vad)

    def _plain(self) -> dict[str, Any]:
        """The options as they acted, with the threshold that the voice model decides filled in."""
        plain = {stage: value for stage, value in self.options.plain().items() if stage in STAGES}
        plain["diarization"]["threshold"] = self.pipeline.clustering.cut
        return plain
