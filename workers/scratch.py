"""A worker's folder for the files of the job at hand: what people said must not outlive the worker for long."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"hansard-(\d+)-")


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder of this process, gone when it is left; those of workers that were killed are removed first."""
    _sweep(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=f"hansard-{os.getpid()}-") as name:
        yield Path(name)


def _sweep(parent: Path) -> None:
    for folder in parent.glob("hansard-*-*"):
        found = _NAME.match(folder.name)
        if found and not _lives(int(found[1])) and folder.is_dir() and folder.stat().st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
