"""An interactive job, alone and beside a backfill that has all the worker would give it."""

from __future__ import annotations

import statistics
import time
import wave
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np

from api.client import Client, SubmitOptions
from api.client.errors import ApiError

LONG_REPEATS = 20
"""How often the sample of 30 s is in a recording of the backfill."""
RECORDINGS = 24
"""Of the backfill: more than a worker takes at once."""
SETTLE_SECONDS = 15.0
"""Until the worker has all of the backfill that it takes."""


def beside_backfill(address: str, key: str, sample: Path, folder: Path, rounds: int) -> str:
    """Seconds from submission to the end of the job; the backfill is called off at the end.

    Raises `RuntimeError` where none of the backfill was at work, or none waited any more.
    """
    with Client(address, key) as client:
        _seconds(client, sample)  # what only the first job of a worker waits for
        alone = [_seconds(client, sample) for _ in range(rounds)]
        long = _repeated(sample, folder / "archive.wav")
        backfill = [
            client.submit_file(long, SubmitOptions(priority="backfill", name=f"archive {number}"))["job"]["id"]
            for number in range(RECORDINGS)
        ]
        time.sleep(SETTLE_SECONDS)
        beside = [_seconds(client, sample) for _ in range(rounds)]
        states = Counter(client.job(job)["state"] for job in backfill)
        for job in backfill:
            with suppress(ApiError):  # it has ended
                client.cancel(job)
    if not (states["running"] and states["queued"]):
        message = f"the backfill did not keep the worker busy: {dict(states)}"
        raise RuntimeError(message)
    usual, late = statistics.median(alone), float(np.percentile(beside, 95))
    return (
        f"interactive job of 30 s: {usual:.2f} s alone, {statistics.median(beside):.2f} s beside a backfill, "
        f"95th percentile {late:.2f} s, {late / usual:.2f}x; at the end {states['running']} of the backfill are at work"
    )


def _seconds(client: Client, sample: Path) -> float:
    began = time.perf_counter()
    job = client.submit_file(sample, SubmitOptions(priority="interactive"))["job"]["id"]
    client.wait(job)
    return time.perf_counter() - began


def _repeated(sample: Path, into: Path) -> Path:
    with wave.open(str(sample), "rb") as once, wave.open(str(into), "wb") as many:
        many.setparams(once.getparams())
        frames = once.readframes(once.getnframes())
        for _ in range(LONG_REPEATS):
            many.writeframes(frames)
    return into
