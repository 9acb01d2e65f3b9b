"""One process at a time runs servers in a data directory."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from embedded.errors import DataDirectoryInUse


class DataLock:
    """Held until `release`, or until the process ends, however it does.

    Raises:
        DataDirectoryInUse: another process holds it, or another part of this one.
    """

    def __init__(self, data: Path) -> None:
        # Never removed: a lock on a file that has no name any more keeps nobody out.
        self._descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 32).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise DataDirectoryInUse(_told(data, holder)) from None
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let others in."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _told(data: Path, holder: str) -> str:
    if not holder.isdigit():
        return f"{data} is in use by another process"
    try:
        name = Path(f"/proc/{holder}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return f"{data} is in use by process {holder}"
    return f"{data} is in use by process {holder} ({name}); stop it, or choose another data directory"
