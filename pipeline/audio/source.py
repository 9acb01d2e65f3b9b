"""Where the bytes come from: a path, bytes or an open binary file, all read through one narrow door.

FFmpeg is only ever given an object with `read`, `seek` and `tell`. It learns no file name, so nothing in a name or in
the content can make it open a neighbour, a URL or a device.
"""

from __future__ import annotations

import io
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from pipeline.errors import EmptyFile, SourceNotFound, SourceTooLarge
from pipeline.options import DecodeLimits

AudioSource = Path | str | bytes | BinaryIO
"""A path (a `str` is always a path, never a URL), the bytes of a file, or a binary file read from where it stands."""

HEAD_BYTES = 65_536
"""How much of the beginning is looked at to tell formats and headers apart."""
SPOOL_BYTES = 64 * 2**20
"""A source that cannot seek (a pipe) is copied first; up to here in memory, then in a temporary file."""
COPY_BYTES = 2**20
NAME_CHARACTERS = 200
"""Names are cut here: a line of RTTM stays readable."""


class Source:
    """A seekable file as FFmpeg sees it: begins after any ID3v2 tags, has no name, and never raises while read."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self.failure: OSError | None = None
        """What went wrong while reading, if anything did; FFmpeg was told that the file ends there."""
        self.size = size
        """Bytes, tags included."""
        self._file = file
        self._start = start
        # FFmpeg recognises what follows a tag only within its first megabyte, and cover pictures are larger than that.
        self._start += self._tag_bytes()
        self.seek(0)
        self.head = self.read(HEAD_BYTES)
        """The first bytes after the tags."""
        self.seek(0)

    def read(self, count: int = -1) -> bytes:
        """Read up to `count` bytes; none at the end, and none after an error, which is kept in `failure`."""
        try:
            return self._file.read(count)
        except OSError as error:
            self.failure = error
            return b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to an offset, counted from the end of the tags."""
        return self._file.seek(offset + self._start if whence == os.SEEK_SET else offset, whence) - self._start

    def tell(self) -> int:
        """Give the offset, counted from the end of the tags."""
        return self._file.tell() - self._start

    @property
    def length(self) -> int:
        """Bytes after the tags."""
        position = self.tell()
        end = self.seek(0, os.SEEK_END)
        self.seek(position)
        return end

    def _tag_bytes(self) -> int:
        """Length of the ID3v2 tags at the beginning (https://id3.org/id3v2.4.0-structure), 0 without."""
        length = 0
        while length < self.size:
            self.seek(length)
            header = self.read(10)
            if len(header) < 10 or not header.startswith(b"ID3") or max(header[6:10]) >= 0x80:  # noqa: PLR2004 sync-safe bytes have 7 bits
                break
            body = sum(byte << shift for byte, shift in zip(header[6:10], (21, 14, 7, 0), strict=True))
            footer = 10 if header[5] & 0x10 else 0
            length += 10 + body + footer
        return length


@contextmanager
def open_source(source: AudioSource, limits: DecodeLimits) -> Iterator[Source]:
    """Open a source for the length of a `with` block; a file that was given open stays open.

    Raises:
        SourceNotFound: there is no such file, or it cannot be read.
        EmptyFile: it has no bytes.
        SourceTooLarge: it has more than `limits.max_bytes`.
        TypeError: a file was opened in text mode, or the source is none of the above.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        yield _checked(io.BytesIO(source), limits)
    elif isinstance(source, (str, os.PathLike)):
        with _open_path(os.fspath(source)) as file:
            yield from _seekable(file, limits)
    elif hasattr(source, "read"):
        yield from _seekable(source, limits)
    else:
        message = f"expected a path, bytes or a binary file, not {type(source).__name__}"
        raise TypeError(message)


def _open_path(path: str) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except FileNotFoundError as error:
        message = f"no such file: {path}"
        raise SourceNotFound(message) from error
    except (OSError, ValueError) as error:
        # ValueError: a NUL byte in the name.
        message = f"cannot be read: {path!r} ({getattr(error, 'strerror', None) or error})"
        raise SourceNotFound(message) from error


def _seekable(file: BinaryIO, limits: DecodeLimits) -> Iterator[Source]:
    """Yield the file, or a copy of one that cannot seek."""
    seekable = getattr(file, "seekable", None)
    if seekable is not None and seekable():
        yield _checked(file, limits)
        return
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as copy:
        copied = 0
        while block := file.read(COPY_BYTES):
            copied += len(block)
            _check_size(copied, limits)
            copy.write(block)
        copy.seek(0)
        yield _checked(cast("BinaryIO", copy), limits)


def _checked(file: BinaryIO, limits: DecodeLimits) -> Source:
    try:
        if isinstance(file.read(0), str):
            message = "the file was opened in text mode; open it with mode 'rb'"
            raise TypeError(message)
        start = file.tell()
        size = file.seek(0, os.SEEK_END) - start
    except OSError as error:
        message = f"cannot be read ({error.strerror or error})"
        raise SourceNotFound(message) from error
    if size <= 0:
        raise EmptyFile
    _check_size(size, limits)
    return Source(file, start, size)


def _check_size(size: int, limits: DecodeLimits) -> None:
    if size > limits.max_bytes:
        message = (
            f"the file is larger than the limit of {limits.max_bytes:,} bytes (max_bytes); "
            "send it compressed or in parts, or raise the limit"
        )
        raise SourceTooLarge(message)


def source_name(source: AudioSource) -> str:
    """Name a source after its file, without folder and ending; "audio" where it has none."""
    name = source if isinstance(source, (str, os.PathLike)) else getattr(source, "name", "")
    if not isinstance(name, (str, os.PathLike)):  # the name of a pipe is a number
        return "audio"
    file = os.fsdecode(name).rstrip("/").rpartition("/")[2]
    stem, dot, _ending = file.rpartition(".")
    return display_name(stem if dot else file)


def display_name(text: str) -> str:
    """Make any text a name that RTTM can hold: one word of any script; "audio" if nothing is left."""
    word = re.sub(r"\s+", "_", text.strip())
    kept = "".join(mark for mark in word if unicodedata.category(mark) != "Cc")
    # A file name that is no UTF-8 holds lone surrogates, which no encoder writes.
    printable = kept.encode("utf-8", "replace").decode("utf-8")[:NAME_CHARACTERS]
    return printable if printable.strip("._") else "audio"
