"""From an upload of unknown content to 16 kHz FLAC, in a process that may die of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import BinaryIO

from pipeline.errors import MalformedFile, SourceNotFound
from pipeline.options import ChannelPolicy
from pipeline.types import Notice
from workers.metrics import SANDBOX_FAILURES
from workers.sandbox.limits import SandboxLimits
from workers.sandbox.messages import Finished, Refused
from workers.sandbox.request import Request
from workers.sandbox.run import Run, SandboxFailed, could_not_cope
from workers.sandbox.stored_audio import HEADER_BYTES, flac_header

FLAC_NAME = "audio.flac"
DEFAULT_LIMITS = SandboxLimits()
SPARE_SECONDS = 1.0
"""Audio that ends on the limit may grow by a sample when it is resampled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A recording as later stages read it, and what was found on the way."""

    flac: Path
    sha256: str
    """Of the FLAC file, in hexadecimal."""
    bytes: int
    """Of the FLAC file."""
    seconds: float
    """Length as decoded."""
    channels: int
    """Of the FLAC file; the recording's own are in `media`."""
    media: dict[str, str | int | float | bool | None]
    """The fields of `pipeline.audio.MediaInfo`."""
    notices: tuple[Notice, ...]
    """Those of decoding. Those about what channels hold come with the stage that listens to them."""


def decode_in_sandbox(
    source: Path,
    into: Path,
    *,
    name: str,
    limits: SandboxLimits = DEFAULT_LIMITS,
    channels: ChannelPolicy = "auto",
    progress: Callable[[float, float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Decoded:
    """Decode an upload to `into`/audio.flac: 16 kHz, 16 bits, up to eight channels.

    Args:
        source: the upload.
        into: an existing folder; nothing is left in it where this raises.
        name: name of the recording, for people.
        limits: what the recording may cost.
        channels: more than eight channels are mixed to one unless this is `separate`.
        progress: told about seconds decoded, out of those expected, after every four of them.
        cancelled: asked twice a second whether to go on.

    Raises:
        AudioError: what `pipeline.audio.decode` says about the recording; `CorruptMedia` also where the process died
            of it, went beyond a limit or came to a standstill. How it ended is in the notes of the exception.
        SandboxFailed: the machine could not do it: no process, no disk, or ended from outside.
        JobCancelled: `cancelled` said so.
    """
    with _open(source) as recording, _result(into) as (flac, path):
        request = Request(
            recording=recording.fileno(),
            flac=flac.fileno(),
            parent=os.getpid(),
            name=name,
            channels=channels,
            limits=limits,
        )
        ending = Run(request, progress, cancelled).ending()
        if isinstance(ending, Refused):
            raise ending.error()
        if not isinstance(ending, Finished):
            SANDBOX_FAILURES.labels("machine").inc()
            message = f"the recording could not be decoded on this machine ({ending.message})"
            raise SandboxFailed(message)
        return _inspected(path, into / FLAC_NAME, ending, limits)


def _open(source: Path) -> BinaryIO:
    try:
        return source.open("rb")
    except OSError as error:
        # Without the path, which is the server's own.
        raise SourceNotFound from error


@contextmanager
def _result(into: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A file of its own for the result, and where it is; taken away if anything goes wrong.

    Of two workers that were given the same folder none writes into the other's file.
    """
    try:
        descriptor, name = mkstemp(dir=into, suffix=".flac")
    except OSError as error:
        message = f"there is no place for the decoded audio ({error.strerror})"
        raise SandboxFailed(message) from error
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as flac:
            yield flac, path
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _inspected(path: Path, final: Path, ending: Finished, limits: SandboxLimits) -> Decoded:
    """Measure the result here, since the process that made it is not believed, and give it its name."""
    with path.open("rb") as file:
        try:
            header = flac_header(file.read(HEADER_BYTES))
        except MalformedFile as error:
            SANDBOX_FAILURES.labels("false_result").inc()
            could_not_cope(str(error))
        if header.seconds > limits.decode.max_seconds + SPARE_SECONDS:
            SANDBOX_FAILURES.labels("false_result").inc()
            could_not_cope(f"it made {header.seconds:.0f} s of audio")
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    return Decoded(
        flac=path.replace(final),
        sha256=digest,
        bytes=size,
        seconds=header.seconds,
        channels=header.channels,
        media=ending.media.model_dump(),
        notices=tuple(Notice(notice.code, notice.message) for notice in ending.notices),
    )
