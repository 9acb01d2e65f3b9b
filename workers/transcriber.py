"""The models of a worker process, loaded once and kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

from api.options import pipeline_options
from api.settings import Settings
from pipeline.checkpoints import Checkpoints
from pipeline.cores import usable_cores
from pipeline.hooks import Hook
from pipeline.model_pool import ModelPool, Name
from pipeline.options import PipelineOptions
from pipeline.turnstile import Turnstile
from pipeline.types import ModelRecord, Transcript
from pipeline.waveform import Waveform

if TYPE_CHECKING:
    from pipeline.engine import Engine
    from pipeline.transcription import TranscriptionPipeline


Alive = Callable[[], None]


class Transcriber(Protocol):
    """Turns audio into a transcript, as a job's options say."""

    def fingerprint(self, options: Mapping[str, Any], alive: Alive) -> Mapping[str, Any]:
        """Everything besides the audio that a result depends on, as plain values; `alive` as below."""

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
    """`Engine`, one for each recognizer that jobs name; all take turns on the same cores, and share what diarizes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turnstile = Turnstile(settings.places or max(1, usable_cores() // settings.threads))
        self._engines = ModelPool["Engine"](
            _EngineLoader(settings, self._turnstile),
            pinned=[settings.asr_model, *settings.pinned_models],
            most=settings.spare_models,
            idle_seconds=settings.model_idle_seconds,
        )

    def fingerprint(self, options: Mapping[str, Any], alive: Alive) -> Mapping[str, Any]:
        """Give the models with their digests, the options as they act, and the version."""
        with self._engines.using(self._recognizer(options), alive) as engine:
            return {
                "models": [_plain(model) for model in engine.pipeline.models],
                "options": pipeline_options(options).plain(),
                "precision": engine.pipeline.diarizer.precision,
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
        with self._engines.using(self._recognizer(options), alive) as engine:
            return engine(audio, hook, wanted, checkpoints, urgent=urgent, alive=alive)

    def load(self) -> None:
        """Load what is pinned, before the first job comes: what jobs that name no model run on, and what was named."""
        for name in (self._settings.asr_model, *self._settings.pinned_models):
            with self._engines.using(name):
                pass

    def _recognizer(self, options: Mapping[str, Any]) -> Name:
        name: Name = options.get("model") or self._settings.asr_model
        return name


class _EngineLoader:
    """Loads recognizers, and once what they share."""

    def __init__(self, settings: Settings, turnstile: Turnstile) -> None:
        self._settings = settings
        self._turnstile = turnstile
        self._lock = threading.Lock()
        self._wordless: TranscriptionPipeline | None = None

    def __call__(self, name: Name) -> Engine:
        # Here and not above: it takes torch with it, 3 s and 250 MB that whoever brings another transcriber is spared.
        from pipeline.alignment.pocketsphinx import PocketSphinx  # noqa: PLC0415
        from pipeline.device import device_errors  # noqa: PLC0415
        from pipeline.engine import Engine  # noqa: PLC0415
        from pipeline.models import ModelStore  # noqa: PLC0415
        from pipeline.transcription import TranscriptionPipeline  # noqa: PLC0415

        device, threads, store = self._settings.device, self._settings.threads, ModelStore.from_environment()
        with device_errors():
            with self._lock:
                if self._wordless is None:
                    self._wordless = TranscriptionPipeline.without_words(device=device, threads=threads, store=store)
            pipeline = self._wordless.with_recognizer(name, PocketSphinx(), device=device, threads=threads, store=store)
            return Engine(pipeline, self._turnstile)


def _plain(model: ModelRecord) -> Mapping[str, str | None]:
    return {"kind": model.kind, "name": model.name, "sha256": model.sha256}
