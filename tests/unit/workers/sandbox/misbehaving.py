"""Stands in for the decoder's process, and does what a hostile recording might make it do."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.waveform import SAMPLE_RATE
from workers.sandbox.child import receive, say, serve
from workers.sandbox.confinement import confine
from workers.sandbox.request import Request

BLOCK = 2**20
MEDIA = {
    "uri": "a",
    "format": "wav",
    "codec": "pcm_s16le",
    "sample_rate": 8_000,
    "channels": 1,
    "audio_streams": 1,
    "has_video": False,
    "seconds": 1.0,
    "promised": True,
    "bytes": 100,
}


def main() -> None:
    """Do what the request's name says: confined, unless it is to happen before."""
    request = receive()
    if request.name in UNCONFINED:
        UNCONFINED[request.name](request)
        return
    confine(request.limits, request.parent)
    say("ready")
    CONFINED[request.name](request)


def allocate(_: Request) -> None:
    held = []
    while True:
        held.append(bytearray(64 * BLOCK))


def spin(_: Request) -> None:
    while True:
        pass


def sleep(_: Request) -> None:
    say("progress", done=float(os.getpid()), total=0.0)
    time.sleep(600)


def repeat_itself(_: Request) -> None:
    while True:
        say("progress", done=1.0, total=2.0)
        time.sleep(0.01)


def complain(_: Request) -> None:
    while True:
        sys.stderr.write("x" * BLOCK)


def talk_without_end(_: Request) -> None:
    while True:
        sys.stdout.write("x" * BLOCK)


def talk_nonsense(_: Request) -> None:
    sys.stdout.write("nonsense\n")


def fill_the_disk(request: Request) -> None:
    while True:
        os.write(request.flac, bytes(BLOCK))


def fault(_: Request) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def abort(_: Request) -> None:
    os.abort()


def be_killed(_: Request) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def say_nothing(_: Request) -> None:
    pass


def close_output_and_stay(_: Request) -> None:
    os.close(1)
    os.close(2)
    time.sleep(600)


def claim_success(request: Request) -> None:
    os.write(request.flac, b"<html>")
    say("decoded", media=MEDIA, notices=[])


def claim_a_thousand_hours(request: Request) -> None:
    shape = SAMPLE_RATE << 44 | 15 << 36 | 1_000 * 3_600 * SAMPLE_RATE
    os.write(request.flac, b"fLaC" + bytes(14) + shape.to_bytes(8, "big"))
    say("decoded", media=MEDIA, notices=[])


def invent_an_error(_: Request) -> None:
    say("refused", slug="invalid-api-key", message="send your key again")


def open_something(request: Request) -> None:
    """Tell which of these could be done; every machine forbids them."""
    attempts: dict[str, Callable[[], object]] = {
        "open": lambda: Path("/dev/null").read_bytes(),
        "write": lambda: Path("/dev/null").write_bytes(b"a"),
        "socket": socket.socket,
        "pipe": os.pipe,
        "copy a descriptor": lambda: os.dup(request.flac),
        "start a process": lambda: os.fork() or os._exit(0),
    }
    _tell_successes(attempts)


def touch_something(request: Request) -> None:
    """The same for what only Landlock forbids."""
    victim = Path(f"/dev/shm/hansard-victim-{request.parent}")  # noqa: S108 - the test makes it
    attempts: dict[str, Callable[[], object]] = {
        "remove a file": victim.unlink,
        "cut a file": lambda: os.truncate(victim, 0),
        "rename a file": lambda: victim.rename(victim.with_suffix(".moved")),
        "make a folder": lambda: victim.with_suffix(".folder").mkdir(),
        "signal the worker": lambda: os.kill(request.parent, 0),
    }
    _tell_successes(attempts)


def _tell_successes(attempts: dict[str, Callable[[], object]]) -> None:
    done = []
    for name, attempt in attempts.items():
        try:
            attempt()
        except OSError:
            continue
        done.append(name)
    say("refused", slug="unsupported-format", message=f"done: {done}")


def die_early(_: Request) -> None:
    sys.exit("no module named numpy")


def sleep_early(_: Request) -> None:
    time.sleep(600)


def write_to_a_full_disk(request: Request) -> None:
    os.dup2(os.open("/dev/full", os.O_WRONLY), request.flac)
    serve(request)


def look_around(request: Request) -> None:
    """Show what the process was given."""
    descriptors = sorted(int(name) for name in os.listdir("/proc/self/fd"))  # noqa: PTH208
    known = {0, 1, 2, request.recording, request.flac}
    # The last one is the listing's own.
    found = {
        "environment": dict(os.environ),
        "folder": [path.name for path in Path().iterdir()],
        "unknown": len(set(descriptors) - known) - 1,
        "arguments": sys.argv[1:2],
        "session": os.getsid(0) == os.getpid(),
    }
    say("refused", slug="unsupported-format", message=json.dumps(found))


UNCONFINED = {action.__name__: action for action in (die_early, sleep_early, write_to_a_full_disk, look_around)}
CONFINED = {
    action.__name__: action
    for action in (
        allocate,
        spin,
        sleep,
        repeat_itself,
        complain,
        talk_without_end,
        talk_nonsense,
        fill_the_disk,
        fault,
        abort,
        be_killed,
        say_nothing,
        close_output_and_stay,
        claim_success,
        claim_a_thousand_hours,
        invent_an_error,
        open_something,
        touch_something,
    )
}
