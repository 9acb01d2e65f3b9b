"""Running one contestant once, in a process and an interpreter of its own."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from benchmarks.contestants import Contestant
from benchmarks.protocol import Request, Response

ROOT = Path(__file__).parents[1]
LAST_LINES = 15
"""Of what a contestant said, shown where it failed."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
SURROUNDINGS = {
    "CUDA_VISIBLE_DEVICES": "",
    "HF_HUB_OFFLINE": "1",
    "PYANNOTE_METRICS_ENABLED": "false",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONPATH": "",
}
"""CPU only; no hub, no telemetry."""


class ContestantFailed(Exception):
    """A contestant did not finish."""


def run(contestant: Contestant, python: Path, request: Request) -> Response:
    """Run a contestant once; raises `ContestantFailed` with the last of what it said."""
    threads = dict.fromkeys(THREADS, str(request.threads))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        asked, answered = Path(folder, "request.json"), Path(folder, "response.json")
        request.write(asked)
        done = subprocess.run(  # noqa: S603 - our own modules
            [str(python), "-m", f"benchmarks.peers.{contestant.runner}", str(asked), str(answered)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=os.environ | SURROUNDINGS | threads,
            cwd=ROOT,
            check=False,
        )
        if done.returncode or not answered.exists():
            last = "\n".join(done.stdout.splitlines()[-LAST_LINES:])
            message = f"{contestant.name} ended with status {done.returncode}:\n{last}"
            raise ContestantFailed(message)
        response = Response.read(answered)
    if len(response.answers) != len(request.recordings):
        message = f"{contestant.name} answered {len(response.answers)} of {len(request.recordings)} recordings"
        raise ContestantFailed(message)
    return response
