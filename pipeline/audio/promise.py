"""What a header promises. It is only ever compared with what was decoded, never relied on."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from pipeline.audio.source import Source

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

MICROSECONDS = 1_000_000
UNKNOWN_32 = 0xFFFF_FFFF
"""What a live stream writes where the size is not known yet."""
UNKNOWN_SIZES = frozenset(
    {UNKNOWN_32, UNKNOWN_32 - 1, 0x7FFF_FFFF, 0x7FFF_F000, 0x8000_0000, UNKNOWN_32 - 8, UNKNOWN_32 - 36}
)
"""Sizes of a `data` chunk that stand for "until the end": written by ffmpeg, sox, arecord and others to a pipe."""
STREAM_PROMISES = frozenset({"flac", "mov", "aiff", "asf", "au", "caf", "w64", "ape", "tta", "wv", "avi"})
"""Formats whose header says how long the stream is. FFmpeg gives a duration for others too, estimated from the file's
size or read from its last page: no promise."""
XING_BYTES = 256
"""A Xing, Info or VBRI tag lies within the first frame of an MP3."""
FORMAT_CHUNK_BYTES = 16
PLAIN_CODINGS = frozenset({1, 3, 6, 7, 0xFFFE})
"""PCM, float, A-law, mu-law, extensible: so many bytes a second, always."""


def promised_seconds(container: InputContainer, stream: AudioStream, source: Source) -> float | None:
    """Seconds of audio that the header promises; None where it promises nothing."""
    names = set(container.format.name.split(","))
    if "wav" in names:
        return wav_seconds(source, _stream_seconds(stream))
    if "matroska" in names:
        return _matroska_seconds(container, stream)
    if "mp3" in names and not any(tag in source.head[:XING_BYTES] for tag in (b"Xing", b"Info", b"VBRI")):
        return None
    if names & (STREAM_PROMISES | {"mp3"}):
        return _stream_seconds(stream)
    return None


def _stream_seconds(stream: AudioStream) -> float | None:
    if not stream.duration or stream.duration < 0 or not stream.time_base:
        return None
    return float(stream.duration * stream.time_base)


def _matroska_seconds(container: InputContainer, stream: AudioStream) -> float | None:
    """Length of the track by its DURATION tag, else of the file where it holds nothing but audio."""
    clock = stream.metadata.get("DURATION", "").split(":")
    try:
        hours, minutes, seconds = (float(part) for part in clock)
    except ValueError:
        only_audio = len(container.streams) == len(container.streams.audio)
        return container.duration / MICROSECONDS if container.duration and only_audio else None
    return hours * 3600 + minutes * 60 + seconds


def wav_seconds(source: Source, readable_seconds: float | None) -> float | None:
    """Length by the sizes in a WAV header, where FFmpeg reports what the file holds and so hides that it was truncated.

    Args:
        source: the file.
        readable_seconds: FFmpeg's figure. The byte rate in the header is wrong in many compressed WAV files, so for
            those this is scaled by how much of the promised data is there.
    """
    position, coding, byte_rate, long_size = 12, 0, 0, 0
    while chunk := source.head[position : position + 8]:
        if len(chunk) < 8:  # noqa: PLR2004 name and size
            break
        name, size = struct.unpack("<4sI", chunk)
        body = source.head[position + 8 : position + 8 + min(size, FORMAT_CHUNK_BYTES)]
        if name == b"ds64" and len(body) == FORMAT_CHUNK_BYTES:
            (long_size,) = struct.unpack_from("<8xQ", body)
        if name == b"fmt " and len(body) == FORMAT_CHUNK_BYTES:
            coding, byte_rate = struct.unpack_from("<H6xI", body)
        if name == b"data":
            promised = long_size if size == UNKNOWN_32 else 0 if size in UNKNOWN_SIZES else size
            there = source.length - position - 8
            if coding in PLAIN_CODINGS and byte_rate:
                return promised / byte_rate or None
            return (
                readable_seconds * max(1.0, promised / there) if readable_seconds and promised and there > 0 else None
            )
        position += 8 + size + size % 2
    return None
