"""A file on its way to the service, read piece by piece."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from api.client.errors import SourceChanged
from pipeline.errors import SourceNotFound

OnUpload = Callable[[int, int], None]
"""Told the bytes that were read so far, and those of the whole file. Begins anew where the upload does."""


class WatchedFile:
    """As much of a file object as httpx reads from: the bytes that were there when it was opened, and how far it is.

    Their number is announced before the first is sent, so that a file which changes meanwhile cannot be.
    """

    def __init__(self, file: BinaryIO, on_progress: OnUpload | None) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._done = 0
        self._tell = on_progress

    def read(self, size: int) -> bytes:
        """Read on. Raises `SourceChanged` where there is less or more than there was."""
        piece = self._file.read(min(size, self._size - self._done))
        if not piece and (self._done < self._size or self._file.read(1)):
            raise SourceChanged
        self._done += len(piece)
        if piece and self._tell is not None:
            self._tell(self._done, self._size)
        return piece

    def tell(self) -> int:
        """Where it is; httpx asks before it looks for the end."""
        return self._done

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to the end, by which httpx learns the size, or to a place, for the next try."""
        self._done = self._file.seek(self._size if whence == os.SEEK_END else offset)
        return self._done


@contextmanager
def watched(path: Path, on_progress: OnUpload | None) -> Iterator[WatchedFile]:
    """Open a recording.

    Raises:
        SourceNotFound: it is not there, not a file, or cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            # Opening a pipe would wait for somebody to write to it.
            message = f"not a file: {path}"
            raise SourceNotFound(message)
        file = path.open("rb")
    except OSError as error:
        message = f"cannot be read: {path} ({error.strerror})"
        raise SourceNotFound(message) from error
    except ValueError as error:
        message = f"cannot be read: {str(path)!r} ({error})"
        raise SourceNotFound(message) from error
    with file:
        yield WatchedFile(file, on_progress)


def name_of(path: Path) -> str:
    """The name of a file as text; bytes that are none become U+FFFD."""
    return os.fsencode(path.name).decode("utf-8", errors="replace") or "recording"
