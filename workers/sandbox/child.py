"""The decoder's process: a recording on one descriptor, FLAC on another, JSON lines on standard output.

It runs with `python -I -S`, an empty environment, an empty folder, and nothing open but what it is to work on. The
recording is a descriptor and no path, so that it needs no right to open anything: before the first byte is read
`confine` takes that right away.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from dataclasses import asdict
from importlib import import_module
from typing import Any, BinaryIO

from pipeline.audio import decode_blocks, probe
from pipeline.errors import AudioError
from pipeline.types import Notice
from workers.sandbox.confinement import confine
from workers.sandbox.flac_writing import within_flac, write_flac
from workers.sandbox.request import Request

MACHINE_FAULTS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE})
"""What no recording is to blame for: the disk, and a module that is missing from `LATE_IMPORTS`."""
LATE_IMPORTS = (
    "av.audio.codeccontext",
    "av.audio.stream",
    "av.codec.context",
    "av.subtitles.codeccontext",
    "av.subtitles.stream",
    "av.video.codeccontext",
    "av.video.stream",
)
"""What PyAV imports when a recording first needs it, by when nothing can be opened any more."""


def main() -> None:
    """Serve the request on standard input."""
    serve(receive())


def serve(request: Request) -> None:
    """Decode. What is raised here ends up on standard error, and is the recording's fault to the worker."""
    with os.fdopen(request.recording, "rb") as recording, os.fdopen(request.flac, "wb") as flac:
        for module in LATE_IMPORTS:
            import_module(module)
        confine(request.limits, request.parent)
        say("ready")
        outcome = _outcome(recording, flac, request)
    say(**outcome)


def receive() -> Request:
    """Read the request from standard input."""
    return Request.of(sys.stdin.buffer.read())


def say(event: str, **fields: object) -> None:
    """Write one line for the worker."""
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


def _outcome(recording: BinaryIO, flac: BinaryIO, request: Request) -> dict[str, Any]:
    try:
        return _decode(recording, flac, request)
    except AudioError as error:
        return {"event": "refused", "slug": error.slug, "message": str(error)}
    except OSError as error:
        if error.errno not in MACHINE_FAULTS:
            raise
        return {"event": "machine_failed", "message": os.strerror(error.errno)}


def _decode(recording: BinaryIO, flac: BinaryIO, request: Request) -> dict[str, Any]:
    limits = request.limits.decode
    media = probe(recording, uri=request.name, limits=limits)
    recording.seek(0)
    notices: list[Notice] = []
    blocks = decode_blocks(recording, notices, limits=limits, hook=_report)
    write_flac(within_flac(blocks, request.channels, notices), flac, notices)
    flac.flush()
    return {"event": "decoded", "media": asdict(media), "notices": [asdict(notice) for notice in notices]}


def _report(stage: str, done: float, total: float) -> None:  # noqa: ARG001 - as a Hook has it
    say("progress", done=done, total=total)
