"""The FLAC file that later stages read."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.errors import MalformedFile
from pipeline.options import DecodeLimits
from pipeline.types import Notice
from pipeline.waveform import SAMPLE_RATE, Waveform

HEADER_BYTES = 26
"""The marker, and STREAMINFO up to the number of samples (RFC 9639, section 8.2)."""
SAMPLE_BITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class FlacHeader:
    """The shape of a FLAC file by its own account."""

    channels: int
    samples: int
    """A channel."""

    @property
    def seconds(self) -> float:
        """Length at 16 kHz."""
        return self.samples / SAMPLE_RATE


def flac_header(data: bytes) -> FlacHeader:
    """Read the beginning of a FLAC file.

    Raises:
        MalformedFile: it is no FLAC file of 16 bits at 16 kHz, or an empty or unfinished one.
    """
    shape = int.from_bytes(data[18:HEADER_BYTES], "big")
    rate, channels, bits, samples = shape >> 44, (shape >> 41 & 0x7) + 1, (shape >> 36 & 0x1F) + 1, shape & (2**36 - 1)
    if len(data) < HEADER_BYTES or data[:4] != b"fLaC" or (rate, bits) != (SAMPLE_RATE, SAMPLE_BITS) or not samples:
        message = "not a finished FLAC file of 16 bits at 16 kHz"
        raise MalformedFile(message)
    return FlacHeader(channels=channels, samples=samples)


def read_flac(path: Path, *, name: str, notices: tuple[Notice, ...]) -> Waveform:
    """Read back what the sandbox stored: all channels, and the notices of the first decode before any of this one.

    No limits: they were applied when it was stored. It cannot become longer than its header says, however.

    Raises:
        MalformedFile, AudioError: the file is not the one that was stored.
    """
    # Here and not above: the worker that decodes in a sandbox has no need of a decoder itself.
    from pipeline.audio import decode  # noqa: PLC0415

    with path.open("rb") as file:
        header = flac_header(file.read(HEADER_BYTES))
        size = os.fstat(file.fileno()).st_size
    waveform = decode(path, uri=name, limits=DecodeLimits(max_seconds=header.seconds, max_bytes=size))
    return replace(waveform, notices=(*notices, *waveform.notices))
