"""Is the audio encrypted? FFmpeg decodes noise or nothing from it and says no more than "invalid data"."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pipeline.audio.source import Source

ENCRYPTED_ENTRIES = frozenset({b"enca", b"drms", b"aavd"})
"""Sample entries of protected audio in MP4: common encryption (ISO/IEC 23001-7), FairPlay, Audible."""
ASF_PROTECTION = (
    bytes.fromhex("fbb31122 23bd d211 b4b7 00a0c955fc6e"),
    bytes.fromhex("14e68a29 2226 174c b935 dae07ee9289c"),
)
"""Content Encryption Object and its extended form (ASF specification, 3.14 and 3.15)."""
MOVIE_BYTES = 64 * 2**20
"""Enough for the index of a day; what lies beyond is not looked at."""


def is_encrypted(source: Source) -> bool:
    """Tell whether an MP4 or ASF file declares its audio encrypted."""
    if source.head[4:8] == b"ftyp":
        return any(entry in ENCRYPTED_ENTRIES for entry in _sample_entries(_movie_box(source)))
    if source.head.startswith(b"\x30\x26\xb2\x75"):
        return any(identifier in source.head for identifier in ASF_PROTECTION)
    return False


def _movie_box(source: Source) -> bytes:
    """Content of the `moov` box, which may lie before or after the audio; empty without one."""
    position, length = 0, source.length
    while position + 8 <= length:
        source.seek(position)
        header = source.read(16)
        size, name = struct.unpack_from(">I4s", header)
        if size == 1 and len(header) == 16:  # noqa: PLR2004 a 64-bit size follows
            size = struct.unpack_from(">8xQ", header)[0]
        if name == b"moov":
            source.seek(position + 8)
            return source.read(min(size or length, MOVIE_BYTES))
        if size < 8:  # noqa: PLR2004 0 means up to the end of the file, less is damage
            break
        position += size
    return b""


def _sample_entries(movie: bytes) -> Iterator[bytes]:
    """Give the four-letter code of each track's first sample entry."""
    at = movie.find(b"stsd")
    while at >= 0:
        yield movie[at + 16 : at + 20]
        at = movie.find(b"stsd", at + 4)
