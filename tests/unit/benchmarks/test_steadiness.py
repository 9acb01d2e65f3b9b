"""Memory after each job, and whether it grows."""

from __future__ import annotations

import pytest

from benchmarks.steadiness import LONGEST, SHORTEST, Growth, excerpts, measure
from pipeline.engine import Engine
from tests.unit.pipeline.talk import TALK, pipeline_for

MEGABYTE = 2**20


def test_only_what_grows_after_the_first_jobs_counts() -> None:
    warming = [(500 + 5 * number) * MEGABYTE for number in range(20)]
    settled = [(600 + number // 10) * MEGABYTE for number in range(80)]
    assert Growth(loaded=1, resident=warming + settled, peak=1).slope == pytest.approx(10, abs=0.5)
    assert Growth(loaded=1, resident=warming + [600 * MEGABYTE] * 80, peak=1).slope == pytest.approx(0, abs=1e-6)


def test_the_table_begins_before_the_first_job_and_ends_with_the_last() -> None:
    lines = Growth(loaded=400 * MEGABYTE, resident=[500 * MEGABYTE] * 99 + [501 * MEGABYTE], peak=1).lines()
    assert lines[2:4] == ["| none | 400 |", "| 1 | 500 |"]
    assert "| 100 | 501 |" in lines


def test_excerpts_are_the_same_every_time_and_within_the_recording() -> None:
    found = excerpts(60.0, 50)
    assert found == excerpts(60.0, 50)
    assert all(each.start >= 0 and each.end <= 60.0 and SHORTEST <= each.duration <= LONGEST for each in found)
    assert len({round(each.duration, 2) for each in found}) > 40


def test_every_job_is_counted() -> None:
    pipeline, audio = pipeline_for([TALK])
    growth = measure(Engine(pipeline), audio, excerpts(audio.duration, 6), 2)
    assert len(growth.resident) == 6
    assert all(0 < each < 1.01 * growth.peak for each in growth.resident)  # the kernel counts the two apart
