"""The models of a worker process, loaded once and kept."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

from api.options import pipeline_options
from api.settings import Settings
from pipeline.checkpoints import Checkpoints
from pipeline.hooks import Hook
from pipeline.options import PipelineOptions
from pipeline.turnstile import Turnstile
from pipeline.types import ModelRecord, Transcript
from pipeline.waveform import Waveform

if TYPE_CHECKING:
    from pipeline.engine import Engine


Alive = Callable[[], None]


class Transcriber(Protocol):
    """Turns audio into a transcript, as a job's options say."""

    def fingerprint(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Everything besides the audio that a result depends on, as plain values."""

    def __call__(
        self,
        audio: Waveform,
        options: Mapping[str, Any],
        hook: Hook,
        checkpoints: Checkpoints,
        *,
        urgent: bool,
        alive: Alive,
    ) -> Transcript:
        """Transcribe, before what is not urgent; raises what `TranscriptionPipeline`, `hook` and `alive` raise.

        `alive` is called while the job waits for others and has no progress to report.
        """


class PipelineTranscriber:
    """`Engine`, one for each recognizer that jobs have named lately; all take turns on the same cores."""

    MOST_MODELS = 2
    """Recognizers kept; the one that was not used for longest makes room."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._turnstile = Turnstile(settings.places or max(1, _cores() // settings.threads))
        self._engines: dict[str | None, Engine] = {}

    def fingerprint(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give the models with their digests, the options as they act, and the version."""
        pipeline = self._engine(options).pipeline
        return {
            "models": [_plain(model) for model in pipeline.models],
            "options": pipeline_options(options).plain(),
            "precision": pipeline.diarizer.precision,
            "version": version("hansard"),
        }

    def __call__(
        self,
        audio: Waveform,
        options: Mapping[str, Any],
        hook: Hook,
        checkpoints: Checkpoints,
        *,
        urgent: bool,
        alive: Alive,
    ) -> Transcript:
        """Transcribe with the engine of the job's model."""
        wanted: PipelineOptions = pipeline_options(options)
        return self._engine(options)(audio, hook, wanted, checkpoints, urgent=urgent, alive=alive)

    def load(self) -> None:
        """Load what jobs that name no model run on, before the first of them comes."""
        self._engine({})

    def _engine(self, options: Mapping[str, Any]) -> Engine:
        # Here and not above: it takes torch with it, 3 s and 250 MB that whoever brings another transcriber is spared.
        from pipeline.device import device_errors  # noqa: PLC0415
        from pipeline.engine import Engine  # noqa: PLC0415
        from pipeline.transcription import TranscriptionPipeline  # noqa: PLC0415

        name = options.get("model") or self._settings.asr_model
        with self._lock:
            found = self._engines.pop(name, None)
            if found is None:
                while len(self._engines) >= self.MOST_MODELS:
                    del self._engines[next(iter(self._engines))]
                with device_errors():
                    pipeline = TranscriptionPipeline.from_pretrained(
                        name, device=self._settings.device, threads=self._settings.threads
                    )
                found = Engine(pipeline, self._turnstile)
            self._engines[name] = found  # the latest is last
            return found


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _plain(model: ModelRecord) -> Mapping[str, str | None]:
    return {"kind": model.kind, "name": model.name, "sha256": model.sha256}
