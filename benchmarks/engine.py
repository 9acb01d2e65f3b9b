"""`make bench-engine`: how long a short interactive job takes beside a backfill that never ends, in one process.

Jobs share the models through `pipeline.engine`. Each interactive job is measured alone and under load, in one run; the
words of everything that ran under load are compared with those it gets alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from benchmarks.composing import TEST_SPEECH, can_compose, conversation
from benchmarks.facts import facts, section
from benchmarks.options import Model, Results, TestSpeech
from benchmarks.results import RESULTS, write_section
from pipeline.audio import decode, downmix
from pipeline.engine import Engine
from pipeline.memory import share_arenas
from pipeline.models import ModelStore
from pipeline.transcription import TranscriptionPipeline
from pipeline.turnstile import Turnstile
from pipeline.types import Segment, Transcript
from pipeline.waveform import Waveform

TITLE = "One process, many recordings: an interactive job under a backfill"
PAUSE = 1.0
"""Seconds between two interactive jobs."""


class Stopped(Exception):
    """The backfill was told to stop."""


@dataclass
class Backfill:
    """Transcribes one recording over and over, in a thread of its own, until it is told to stop."""

    engine: Engine
    recording: Waveform
    stopping: threading.Event
    done: list[Transcript] = field(default_factory=list)

    def run(self) -> None:
        """Go on until told to stop, at the next step."""
        with suppress(Stopped):
            while True:
                self.done.append(self.engine(self.recording, self._step))

    def _step(self, stage: str, done: float, total: float) -> None:
        if self.stopping.is_set():
            message = f"{stage} at {done:.0f} of {total:.0f} s"
            raise Stopped(message)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Interactive jobs alone and under load, in the same order, and what was found."""

    alone: Sequence[float]
    loaded: Sequence[float]
    """Seconds from asking to the transcript."""
    pairs: Sequence[tuple[Transcript, Transcript]]
    """What each recording gets alone, and got under load."""
    finished: int
    """Long recordings that were finished meanwhile."""
    passed: float
    """Seconds under load."""

    def lines(self) -> list[str]:
        """A table and two remarks, in Markdown."""
        ratio = np.divide(self.loaded, self.alone)
        rows = {"alone": self.alone, "under load": self.loaded, "ratio, job by job": ratio}
        words = sum(len(alone.words) for alone, _ in self.pairs)
        return [
            "| interactive job, seconds | median | 95th percentile |",
            "| --- | ---: | ---: |",
            *(f"| {row} | {np.median(each):.2f} | {np.percentile(each, 95):.2f} |" for row, each in rows.items()),
            "",
            f"- words the same as alone, with the same speaker: {100 * same(self.pairs) / words:.2f} % of {words}",
            f"- meanwhile {self.finished} long recordings were finished in {self.passed:.0f} s",
        ]


def main(
    jobs: Annotated[int, typer.Option(min=5, help="Interactive jobs, alone and under load.")] = 20,
    backfills: Annotated[int, typer.Option(min=1, help="Long recordings at work beside them.")] = 3,
    places: Annotated[int, typer.Option(min=1, help="Recordings that compute at the same time.")] = 1,
    seconds: Annotated[float, typer.Option(help="Length of an interactive recording.")] = 30.0,
    model: Model = "whisper-tiny.en",
    results: Results = RESULTS,
    test_speech: TestSpeech = TEST_SPEECH,
) -> None:
    """Measure interactive jobs alone, then beside a backfill; print and keep medians, 95th percentiles and ratios."""
    store = ModelStore.from_environment()
    long = long_recording(store, test_speech)
    share_arenas(places)
    pipeline = TranscriptionPipeline.from_pretrained(model, device="cpu", threads=1, store=store)
    calls = [_excerpt(long, number, seconds) for number in range(jobs)]
    measured = measure(Engine(pipeline, Turnstile(places)), calls, long, backfills)
    material = f"{jobs} excerpts of {seconds:g} s, beside {backfills} times {long.duration:.0f} s over and over"
    told = facts("bench-engine", material, f"{places} at a time, one thread each, recognizer: {model}")
    body = section(TITLE, told, measured.lines())
    Console().print(body, markup=False, highlight=False, soft_wrap=True)
    write_section(results, "bench-engine", body)


def measure(engine: Engine, calls: Sequence[Waveform], long: Waveform, backfills: int) -> Measured:
    """Run everything alone, then the calls beside so many long recordings."""
    engine(calls[0])  # what only the first job of a process waits for
    alone, expected = _timed(engine, calls, what="alone")
    whole, stopping = engine(long), threading.Event()
    crowd = [Backfill(engine, long, stopping) for _ in range(backfills)]
    threads = [threading.Thread(target=each.run) for each in crowd]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    loaded, found = _timed(engine, calls, what=f"beside {backfills} long ones", pause=PAUSE)
    while not any(each.done for each in crowd):
        time.sleep(PAUSE)
    passed = time.perf_counter() - began
    stopping.set()
    for thread in threads:
        thread.join()
    done = [transcript for each in crowd for transcript in each.done]
    pairs = [*zip(expected, found, strict=True), *((whole, transcript) for transcript in done)]
    return Measured(alone=alone, loaded=loaded, pairs=pairs, finished=len(done), passed=passed)


def same(pairs: Sequence[tuple[Transcript, Transcript]]) -> int:
    """Words of the first of each pair that the second has as well, in order and with the same speaker."""
    matched = 0
    for alone, shared in pairs:
        first, second = ([f"{word.text} {word.speaker}" for word in one.words] for one in (alone, shared))
        blocks = SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks()
        matched += sum(block.size for block in blocks)
    return matched


def _timed(
    engine: Engine, calls: Sequence[Waveform], *, what: str, pause: float = 0.0
) -> tuple[list[float], list[Transcript]]:
    """Seconds and transcript of each call, one after the other, as urgent ones."""
    taken, found = [], []
    for call in track(calls, description=what, console=Console(stderr=True)):
        time.sleep(pause)
        began = time.perf_counter()
        found.append(engine(call, urgent=True))
        taken.append(time.perf_counter() - began)
    return taken, found


def long_recording(store: ModelStore, test_speech: Path) -> Waveform:
    """A conversation of ten minutes, or, for want of test speech, the sample conversation twenty times over."""
    if can_compose(test_speech):
        return downmix(decode(conversation(test_speech, 600.0, store.cache.parent / "benchmarks" / "composed")))
    return Waveform.of(np.tile(downmix(decode(store.path("sample-conversation"))).mono, 20))


def _excerpt(long: Waveform, number: int, seconds: float) -> Waveform:
    start = number * seconds % max(seconds, long.duration - seconds)
    return Waveform.of(long.crop(Segment(start, start + seconds)), f"call {number}")


if __name__ == "__main__":
    typer.run(main)
