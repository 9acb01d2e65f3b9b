"""The models of a worker process, loaded once and kept."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

from api.options import pipeline_options
from api.settings import Settings
from pipeline.checkpoints import Checkpoints
from pipeline.hooks import Hook
from pipeline.options import PipelineOptions
from pipeline.types import ModelRecord, Transcript
from pipeline.waveform import Waveform

if TYPE_CHECKING:
    from pipeline.transcription import TranscriptionPipeline


class Transcriber(Protocol):
    """Turns audio into a transcript, as a job's options say."""

    def fingerprint(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Everything besides the audio that a result depends on, as plain values."""

    def __call__(
        self, audio: Waveform, options: Mapping[str, Any], hook: Hook, checkpoints: Checkpoints
    ) -> Transcript:  # fmt: skip
        """Transcribe; raises what `TranscriptionPipeline` raises."""


class PipelineTranscriber:
    """`TranscriptionPipeline`, one for each recognizer that jobs have named lately."""

    MOST_MODELS = 2
    """Recognizers kept; the one that was not used for longest makes room."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._pipelines: dict[str | None, TranscriptionPipeline] = {}

    def fingerprint(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give the models with their digests, the options as they act, and the version."""
        pipeline = self._pipeline(options)
        return {
            "models": [_plain(model) for model in pipeline.models],
            "options": pipeline_options(options).plain(),
            "version": version("hansard"),
        }

    def __call__(
        self, audio: Waveform, options: Mapping[str, Any], hook: Hook, checkpoints: Checkpoints
    ) -> Transcript:  # fmt: skip
        """Transcribe with the pipeline of the job's model."""
        wanted: PipelineOptions = pipeline_options(options)
        return self._pipeline(options)(audio, hook, wanted, checkpoints)

    def load(self) -> None:
        """Load what jobs that name no model run on, before the first of them comes."""
        self._pipeline({})

    def _pipeline(self, options: Mapping[str, Any]) -> TranscriptionPipeline:
        # Here and not above: it takes torch with it, 3 s and 250 MB that whoever brings another transcriber is spared.
        from pipeline.device import device_errors  # noqa: PLC0415
        from pipeline.transcription import TranscriptionPipeline  # noqa: PLC0415

        name = options.get("model") or self._settings.asr_model
        with self._lock:
            found = self._pipelines.pop(name, None)
            if found is None:
                while len(self._pipelines) >= self.MOST_MODELS:
                    del self._pipelines[next(iter(self._pipelines))]
                with device_errors():
                    found = TranscriptionPipeline.from_pretrained(
                        name, device=self._settings.device, threads=self._settings.threads
                    )
            self._pipelines[name] = found  # the latest is last
            return found


def _plain(model: ModelRecord) -> Mapping[str, str | None]:
    return {"kind": model.kind, "name": model.name, "sha256": model.sha256}
