"""One process, one set of loaded models, several recordings at the same time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from pipeline.asr.shared_batches import SharedBatches
from pipeline.audio import AudioSource
from pipeline.checkpoints import Checkpoints
from pipeline.hooks import Hook, NullHook
from pipeline.options import PipelineOptions
from pipeline.transcription import TranscriptionPipeline
from pipeline.turnstile import Guest, Turnstile, nobody_asks
from pipeline.types import Transcript
from pipeline.waveform import Waveform


class Engine:
    """Transcribes several recordings at once, each in a thread of its caller, with the models of one pipeline.

    As many compute at the same time as the turnstile has places (without one: one), the others wait: more of them than
    there are cores take longer altogether. At each step, which is a batch of the recognizer at most, whoever computes
    makes way for who should: urgent recordings first, then the one that has had least, so that a short one is not stuck
    behind a long one. An urgent one does not wait for that step, but begins beside it, unless the
    turnstile is strict. Chunks of different recordings
    share batches of the recognizer. What one recording raises is its own, and each gets the result that it gets alone.
    The seconds of its stages are those that passed, waiting included. Each computes in as many threads as the pipeline
    was loaded for: one, best, where there are many. Whose process it is has them share pools of memory before it loads
    anything (`pipeline.memory.share_arenas`).
    """

    def __init__(self, pipeline: TranscriptionPipeline, turnstile: Turnstile | None = None) -> None:
        self.pipeline = pipeline
        self._turnstile = turnstile or Turnstile()
        self._batches = None if pipeline.backend is None else SharedBatches(pipeline.backend, self._turnstile)

    def __call__(
        self,
        source: AudioSource | Waveform,
        hook: Hook | None = None,
        options: PipelineOptions | None = None,
        checkpoints: Checkpoints | None = None,
        *,
        urgent: bool = False,
        alive: Callable[[], None] = nobody_asks,
    ) -> Transcript:
        """Transcribe as `TranscriptionPipeline` does, among others. May be called from any number of threads.

        `urgent` recordings go before all that are not. `alive` is called now and then while the recording waits, when
        there is no progress to report. Raises what `TranscriptionPipeline` raises, and what `hook` or `alive` raise.
        """
        with self._turnstile.admitted(urgent=urgent, alive=alive) as guest:
            pipeline = self.pipeline
            if self._batches is not None:
                pipeline = pipeline.with_batching(self._batches.batching(guest))
            step = _Step(hook or NullHook(), self._turnstile, guest)
            kept = None if checkpoints is None else _KeptOutside(checkpoints, self._turnstile, guest)
            return pipeline(source, step, options, kept)


@dataclass(frozen=True, slots=True)
class _Step:
    """Reports progress, and makes way for others."""

    hook: Hook
    turnstile: Turnstile
    guest: Guest

    def __call__(self, stage: str, done: float, total: float) -> None:
        self.hook(stage, done, total)
        self.turnstile.make_way(self.guest)


@dataclass(frozen=True, slots=True)
class _KeptOutside:
    """Checkpoints, for whose storage others need not wait.

    Urgent recordings keep their place meanwhile: another would begin a step in it, and compute beside them on their
    return for as long as that takes.
    """

    checkpoints: Checkpoints
    turnstile: Turnstile
    guest: Guest

    def load(self, stage: str) -> bytes | None:
        with self._away():
            return self.checkpoints.load(stage)

    def save(self, stage: str, content: bytes) -> None:
        with self._away():
            self.checkpoints.save(stage, content)

    def _away(self) -> AbstractContextManager[None]:
        return nullcontext() if self.guest.urgent else self.turnstile.outside(self.guest)
