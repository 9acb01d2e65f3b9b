"""The frame around every contestant: read the request, load, start the clock, work, stop it, answer.

Imports nothing but the standard library and the protocol, as peers' interpreters have no Hansard.
"""

from __future__ import annotations

import re
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.protocol import Answer, Request, Response


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A contestant whose models are in memory."""

    job: Callable[[Sequence[str]], list[Answer]]
    """From paths of recordings to an answer for each, in order."""
    packages: tuple[str, ...]
    """Distributions whose versions the reader should know."""
    notes: tuple[str, ...] = ()


def serve(load: Callable[[Request], Loaded]) -> None:
    """Do what the file named first on the command line asks, and answer in the file named second."""
    request = Request.read(Path(sys.argv[1]))
    loaded = load(request)
    resident = resident_bytes()
    cpu, wall = cpu_seconds(), time.perf_counter()
    answers = loaded.job(request.recordings)
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    Response(
        answers=tuple(answers),
        cpu_seconds=cpu,
        wall_seconds=wall,
        peak_bytes=peak_bytes(),
        loaded_bytes=resident,
        versions={name: version(name) for name in loaded.packages},
        notes=loaded.notes,
    ).write(Path(sys.argv[2]))


def one_by_one(job: Callable[[str], Answer]) -> Callable[[Sequence[str]], list[Answer]]:
    """Make a job of what takes one recording at a time."""
    return lambda recordings: [job(recording) for recording in recordings]


def cpu_seconds() -> float:
    """User and system time so far, of this process with its threads and of the children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in used)


def resident_bytes() -> int:
    """Resident set of this process; its largest so far where the system does not tell."""
    return _told_by_system("VmRSS") or peak_bytes()


def peak_bytes() -> int:
    """Largest resident set of this process so far."""
    # Unlike ru_maxrss, this forgets what the parent held when it started this process.
    told = _told_by_system("VmHWM")
    if told:
        return told
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _told_by_system(name: str) -> int:
    """A size in Linux' account of this process, in bytes; 0 where there is none."""
    status = Path("/proc/self/status")
    text = status.read_text(encoding="ascii") if status.exists() else ""
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return 1024 * int(found[1]) if found else 0
