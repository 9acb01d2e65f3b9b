"""`make bench-memory`: whether a worker grows. Hundreds of jobs through one process, its memory after each."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from benchmarks.composing import TEST_SPEECH
from benchmarks.engine import long_recording
from benchmarks.facts import facts, section
from benchmarks.options import Model, Results, TestSpeech
from benchmarks.report import MEGABYTE
from benchmarks.results import RESULTS, write_section
from benchmarks.runner import peak_bytes, resident_bytes
from pipeline.engine import Engine
from pipeline.memory import share_arenas
from pipeline.models import ModelStore
from pipeline.transcription import TranscriptionPipeline
from pipeline.types import Segment
from pipeline.waveform import Waveform

TITLE = "One process, hundreds of jobs: does it grow"
SHORTEST, LONGEST = 4.0, 40.0
"""Lengths of the jobs, in seconds: no two alike, as new shapes are what memory is kept for."""
WARM_SHARE = 0.2
"""Of the jobs, in which what is kept once for all is filled."""
STOPS = (0.002, 0.02, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Shares of the jobs after which the table tells."""


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Memory after each job."""

    loaded: int
    """Bytes, before the first."""
    resident: Sequence[int]
    """Bytes, after each."""
    peak: int

    @property
    def warm(self) -> int:
        """Jobs after which what grows is a leak."""
        return round(WARM_SHARE * len(self.resident))

    @property
    def slope(self) -> float:
        """Megabytes a hundred jobs, by a straight line through all but the first fifth."""
        settled = np.asarray(self.resident[self.warm :]) / MEGABYTE
        return float(100 * np.polyfit(np.arange(len(settled)), settled, 1)[0])

    def lines(self) -> list[str]:
        """A table and a remark, in Markdown."""
        places = sorted({min(len(self.resident), max(1, round(share * len(self.resident)))) for share in STOPS})
        rows = [f"| {place} | {self.resident[place - 1] / MEGABYTE:.0f} |" for place in places]
        return [
            "| after job | MB resident |",
            "| --- | ---: |",
            f"| none | {self.loaded / MEGABYTE:.0f} |",
            *rows,
            "",
            f"- after job {self.warm} it grows by {self.slope:+.1f} MB a hundred jobs",
            f"- at most {self.peak / MEGABYTE:.0f} MB",
        ]


def main(
    jobs: Annotated[int, typer.Option(min=20)] = 500,
    at_once: Annotated[int, typer.Option(min=1, help="Jobs that are at work beside each other.")] = 2,
    model: Model = "whisper-tiny.en",
    results: Results = RESULTS,
    test_speech: TestSpeech = TEST_SPEECH,
) -> None:
    """Transcribe excerpts of all lengths in one process; print and keep its memory and how fast that grows."""
    store = ModelStore.from_environment()
    long = long_recording(store, test_speech)
    share_arenas(1)
    engine = Engine(TranscriptionPipeline.from_pretrained(model, device="cpu", threads=1, store=store))
    growth = measure(engine, long, excerpts(long.duration, jobs), at_once)
    material = f"{jobs} excerpts of {SHORTEST:g} to {LONGEST:g} s of {long.duration:.0f} s"
    told = facts("bench-memory", material, f"{at_once} at once, one thread each, recognizer: {model}")
    body = section(TITLE, told, growth.lines())
    Console().print(body, markup=False, highlight=False, soft_wrap=True)
    write_section(results, "bench-memory", body)


def excerpts(duration: float, jobs: int) -> list[Segment]:
    """Stretches of a recording of so many seconds, of all lengths, the same every time."""
    chance = random.Random(5)  # noqa: S311 - no secret
    lengths = [chance.uniform(SHORTEST, min(LONGEST, duration)) for _ in range(jobs)]
    starts = [chance.uniform(0, duration - length) for length in lengths]
    return [Segment(start, start + length) for start, length in zip(starts, lengths, strict=True)]


def measure(engine: Engine, long: Waveform, stretches: Sequence[Segment], at_once: int) -> Growth:
    """Transcribe stretches of a recording, so many at once; memory is read as each job ends."""
    loaded, resident = resident_bytes(), list[int]()

    def work(stretch: Segment) -> None:
        engine(Waveform.of(long.crop(stretch)))
        resident.append(resident_bytes())

    with ThreadPoolExecutor(at_once) as threads:
        done = threads.map(work, stretches)
        for _ in track(done, total=len(stretches), description="jobs", console=Console(stderr=True)):
            pass
    return Growth(loaded=loaded, resident=resident, peak=peak_bytes())


if __name__ == "__main__":
    typer.run(main)
