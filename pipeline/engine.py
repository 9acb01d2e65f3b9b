"""One process, one set of loaded models, several recordings at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from pipeline.asr.batching import OwnBatches
from pipeline.asr.shared_batches import SharedBatches
from pipeline.audio import AudioSource
from pipeline.checkpoints import Checkpoints
from pipeline.hooks import Hook
from pipeline.options import PipelineOptions
from pipeline.side_by_side import Part, side_by_side
from pipeline.transcription import TranscriptionPipeline
from pipeline.turnstile import CalledOff, Guest, Turnstile, nobody_asks
from pipeline.types import Transcript
from pipeline.waveform import Waveform

Left = TypeVar("Left")
Right = TypeVar("Right")


class Engine:
    """Transcribes several recordings at once, each in a thread of its caller, with the models of one pipeline.

    As many compute at the same time as the turnstile has places (without one: one), the others wait: more of them than
    there are cores take longer altogether. At each step, which is a batch of the recognizer at most, whoever computes
    makes way for who should: urgent recordings first, then the one that has had least, so that a short one is not stuck
    behind a long one. An urgent one does not wait for that step, but begins beside it, unless the turnstile is strict.
    Chunks of different recordings share batches of the recognizer. Where nobody else wants a place, on a CPU, voices
    are told apart while speech is recognized. What one recording raises is its own, and each gets the result that it
    gets alone. The seconds of its stages are those that passed in each, waiting included, of which some may be the
    same. Each computes in as many threads as the pipeline was loaded for: one, best, where there are many. Whose
    process it is has them share pools of memory before it loads anything (`pipeline.memory.share_arenas`).
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
            batching = OwnBatches if self._batches is None else self._batches.batching(guest)
            pace = _AmongOthers(self._turnstile, guest, overlaps=self._may_overlap())
            pipeline = self.pipeline.among_others(pace, batching)
            before = _guest.set(guest)
            try:
                return pipeline(source, hook, options, checkpoints)
            finally:
                _guest.reset(before)

    def _may_overlap(self) -> bool:
        """Whether there may be a place to spare, and no memory is taken that is in no forecast."""
        roomy = self._turnstile.places > 1 and not self._turnstile.strict
        return roomy and self.pipeline.diarizer.segmenter.device.type == "cpu"


_guest: ContextVar[Guest] = ContextVar("_guest")
# Whose part of the work a thread does.


@dataclass(frozen=True, slots=True)
class _AmongOthers:
    """`Pace` of a guest of the turnstile."""

    turnstile: Turnstile
    guest: Guest

    overlaps: bool

    def step(self) -> None:
        """Make way for others."""
        self.turnstile.make_way(_guest.get())

    def away(self) -> AbstractContextManager[None]:
        """Let others compute meanwhile.

        Urgent recordings keep their place: another would begin a step in it, and compute beside them on their return
        for as long as that takes.
        """
        guest = _guest.get()
        return self.turnstile.outside(guest) if guest.leaves else nullcontext()

    def together(self, left: Callable[[Hook], Left], right: Callable[[Hook], Right], hook: Hook) -> tuple[Left, Right]:
        """Do the left part in places that nobody else wants, and what is left of it once the right one is done."""
        helper, waited_for = self.turnstile.helper_of(self.guest), threading.Event()

        def beside(step: Part) -> list[Left]:
            def alive() -> None:
                step.alive()
                if waited_for.is_set():
                    self.guest.alive()

            helper.alive = alive
            try:
                with self.turnstile.computing(helper):
                    _guest.set(helper)  # in the context of a thread that ends with this
                    return [left(step)]
            except CalledOff:
                return []

        def then_wait(step: Part) -> Right:
            mine = right(step)
            waited_for.set()
            self.turnstile.wait_for(helper)
            return mine

        made, mine = side_by_side(beside, then_wait, hook)
        return made[0] if made else left(hook), mine
