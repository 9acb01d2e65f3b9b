"""Parts of the work on a recording, and what they report."""

from __future__ import annotations

import threading
import time

from pipeline.hooks import Hook
from pipeline.pace import Alone, Reports


class Counting(Alone):
    """Counts steps, of which each takes long."""

    def __init__(self) -> None:
        super().__init__(overlaps=True)
        self.steps = 0
        self.meeting = threading.Barrier(2)

    def step(self) -> None:
        self.meeting.wait(5.0)
        self.steps += 1


def test_reports_come_one_at_a_time_and_wait_for_nobodys_step() -> None:
    inside, pace = threading.Lock(), Counting()
    told: list[str] = []

    def hook(stage: str, done: float, total: float) -> None:
        assert inside.acquire(blocking=False)
        time.sleep(0.001)
        told.append(stage)
        inside.release()

    def part(step: Hook, stage: str) -> None:
        for number in range(50):
            step(stage, number, 50)

    reports = Reports(hook, pace)
    pace.together(lambda step: part(step, "embedding"), lambda step: part(step, "asr"), reports)
    assert sorted(told) == ["asr"] * 50 + ["embedding"] * 50
    assert pace.steps == 100
