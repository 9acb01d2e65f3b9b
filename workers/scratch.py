"""A worker's folder for the files of the job at hand: what people said must not outlive the worker for long."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Final

_PREFIX: Final = "hansard-scratch-"
_LOCK: Final = "lock"
"""File whose lock the folder's owner holds. The kernel lets go of it however the owner ends, and knows it across
containers that share a volume, where a process id means nothing: every first process of a container is 1."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder of this process, gone when it is left; those of workers that were killed are removed first.

    Raises:
        OSError: no folder can be made where temporary files go, or none can be locked there.
    """
    parent = Path(tempfile.gettempdir())
    _sweep(parent)
    folder, lock = _new(parent)
    try:
        yield folder
    finally:
        # Locked to the end: nobody else removes it meanwhile.
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _new(parent: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        lock = _locked(folder)
        if lock is not None:
            return folder, lock
        # Another worker saw it before it was locked, took it for a dead one's, and removes it.


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            lock = _locked(folder) if _is_ours(folder) else None
        except OSError:
            continue  # Cannot be told: left alone.
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _is_ours(folder: Path) -> bool:
    # Not followed: in a folder that everybody writes to, a link may lead anywhere.
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


def _locked(folder: Path) -> int | None:
    """Take a folder's lock, which lasts until the descriptor is closed; None where somebody else has it or had it."""
    path = folder / _LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except FileNotFoundError:
        return None
    held = False
    try:
        with suppress(BlockingIOError, FileNotFoundError):
            flock(descriptor, LOCK_EX | LOCK_NB)
            # A lock on a file that was removed since it was opened is a lock on nothing.
            held = os.path.samestat(os.fstat(descriptor), path.stat())
    finally:
        if not held:
            os.close(descriptor)
    return descriptor if held else None
