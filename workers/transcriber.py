"""The models of a worker process, loaded once and kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, Protocol

from api.options import pipeline_options
from api.settings import Settings
from pipeline.checkpoints import Checkpoints
from pipeline.cores import usable_cores
from pipeline.hooks import Hook
from pipeline.memory import share_arenas
from pipeline.model_pool import ModelPool, Name
from pipeline.options import PipelineOptions
from pipeline.turnstile import Turnstile
from pipeline.types import ModelRecord, Transcript
from pipeline.waveform import Waveform

if TYPE_CHECKING:
    from pipeline.engine import Engine
    from pipeline.transcription import TranscriptionPipeline


Alive = Callable[[], None]
MOST_PLACES: Final = 8
"""Jobs of a process that compute at the same time, unless said. A job holds Python's lock for a seventh of its time, so
that more of them wait for each other; where there are more cores, more processes use them."""
DEFAULT: Final[Name] = None
"""Key of the recognizer for jobs that name none."""


class Prepared(Protocol):
    """The models that a job's options name, held for it."""

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything besides the audio that a result depends on, as plain values."""

    def __call__(
        self, audio: Waveform, hook: Hook, checkpoints: Checkpoints, *, urgent: bool, alive: Alive
    ) -> Transcript:
        """Transcribe, before what is not urgent; raises what `TranscriptionPipeline`, `hook` and `alive` raise.

        `alive` is called while the job waits for others and has no progress to report.
        """


class Transcriber(Protocol):
    """Turns audio into transcripts, as jobs' options say."""

    def prepared(self, options: Mapping[str, Any], alive: Alive) -> AbstractContextManager[Prepared]:
        """Hold the models that the options name, as soon as they are loaded. Raises what loading and `alive` raise.

        `alive` is called while there is no room for them.
        """


class PipelineTranscriber:
    """`Engine`, one for each recognizer that jobs name; all take turns on the same cores, and share what diarizes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        places = places_of(settings)
        share_arenas(places * settings.threads)
        from pipeline.device import resolve_device  # noqa: PLC0415 - after the pools: it takes torch with it

        # Memory of a GPU is in no forecast: there, no more compute at once than was asked for.
        self._load = _EngineLoader(settings, Turnstile(places, strict=resolve_device(settings.device) != "cpu"))
        self._engines = ModelPool["Engine"](
            self._load,
            pinned=[DEFAULT, *settings.pinned_models],
            most=settings.spare_models,
            idle_seconds=settings.model_idle_seconds,
        )

    @contextmanager
    def prepared(self, options: Mapping[str, Any], alive: Alive) -> Iterator[Prepared]:
        """Hold the engine of the job's model."""
        with self._engines.using(self._key(options.get("model")), alive) as engine:
            yield _Job(engine, pipeline_options(options))

    def load(self) -> None:
        """Load what is pinned, before the first job comes: what jobs that name no model run on, and what was named."""
        for name in dict.fromkeys([DEFAULT, *map(self._key, self._settings.pinned_models)]):
            with self._engines.using(name):
                pass

    def _key(self, name: str | None) -> Name:
        """The default recognizer has one place in the pool, whether a job names it or not."""
        return DEFAULT if name is None or name == self._load.default else name


@dataclass(frozen=True, slots=True)
class _Job:
    """`Prepared` for one job."""

    engine: Engine
    options: PipelineOptions

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Give the models with their digests, the options as they act, and the version."""
        pipeline = self.engine.pipeline
        return {
            "models": [_plain(model) for model in pipeline.models],
            "options": self.options.plain(),
            "precision": pipeline.diarizer.precision,
            "version": version("hansard"),
        }

    def __call__(
        self, audio: Waveform, hook: Hook, checkpoints: Checkpoints, *, urgent: bool, alive: Alive
    ) -> Transcript:
        """Transcribe among others."""
        return self.engine(audio, hook, self.options, checkpoints, urgent=urgent, alive=alive)


class _EngineLoader:
    """Loads recognizers, and once what they share."""

    def __init__(self, settings: Settings, turnstile: Turnstile) -> None:
        self._settings = settings
        self._turnstile = turnstile
        self._lock = threading.Lock()
        self._wordless: TranscriptionPipeline | None = None

    @cached_property
    def default(self) -> str | None:
        """Name of the recognizer for jobs that name none; None for a makeshift, as which results speak of it."""
        if self._settings.asr_model:
            return self._settings.asr_model
        from pipeline.asr.choice import best_available  # noqa: PLC0415
        from pipeline.device import resolve_device  # noqa: PLC0415
        from pipeline.models import ModelStore  # noqa: PLC0415
        from pipeline.options import AsrOptions  # noqa: PLC0415

        device = resolve_device(self._settings.device)
        best, notices = best_available(ModelStore.from_environment(), device, AsrOptions())
        return None if notices else best

    def __call__(self, name: Name) -> Engine:
        # Here and not above: it takes torch with it, 3 s and 250 MB that whoever brings another transcriber is spared.
        from pipeline.alignment.english_aligner import EnglishAligner  # noqa: PLC0415
        from pipeline.device import device_errors  # noqa: PLC0415
        from pipeline.engine import Engine  # noqa: PLC0415
        from pipeline.models import ModelStore  # noqa: PLC0415
        from pipeline.transcription import TranscriptionPipeline  # noqa: PLC0415

        device, threads, store = self._settings.device, self._settings.threads, ModelStore.from_environment()
        with device_errors():
            with self._lock:
                if self._wordless is None:
                    self._wordless = TranscriptionPipeline.without_words(device=device, threads=threads, store=store)
            wanted = self._settings.asr_model if name is DEFAULT else name
            pipeline = self._wordless.with_recognizer(
                wanted, EnglishAligner(), device=device, threads=threads, store=store
            )
            return Engine(pipeline, self._turnstile)


def places_of(settings: Settings) -> int:
    """How many jobs of a process compute at the same time."""
    return settings.places or min(MOST_PLACES, max(1, usable_cores() // settings.threads))


def threads_of_a_job(settings: Settings) -> int:
    """In how many threads a job may compute: where there are several places, its voices may have one of their own."""
    return settings.threads + (places_of(settings) > 1)


def _plain(model: ModelRecord) -> Mapping[str, str | None]:
    return {"kind": model.kind, "name": model.name, "sha256": model.sha256}
