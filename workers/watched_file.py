"""A file whose copying is watched: however long it lasts, the work shows that it lives, and can be stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO


class WatchedFile:
    """Passes reads and writes on to a file, and tells of each; what the listener raises ends the copying."""

    def __init__(self, file: BinaryIO, tell: Callable[[], None]) -> None:
        self._file = file
        self._tell = tell

    def read(self, size: int = -1) -> bytes:
        """Read from the file."""
        self._tell()
        return self._file.read(size)

    def write(self, content: bytes) -> int:
        """Write to the file."""
        self._tell()
        return self._file.write(content)
