"""How models lie in the cache: one folder each, with a record, put there whole or not at all."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline.errors import ModelUnavailable
from pipeline.models.catalog import Model
from pipeline.models.manifest import Manifest

LOCK_SECONDS = 3600.0
"""How long one process waits for another that fetches the same model."""


@dataclass(frozen=True)
class Shelf:
    """The layout of one cache."""

    cache: Path

    @property
    def downloads(self) -> Path:
        """Directory for what may be of use to the next try."""
        return self.cache / ".downloads"

    def folder(self, model: Model) -> Path:
        """Where a model lies, or would."""
        return self.cache / re.sub(r"[^\w.-]+", "--", model.name, flags=re.ASCII)

    def stored(self, model: Model) -> Manifest | None:
        """The record of a stored model; None where it is absent, or of files the catalog no longer names.

        Raises:
            ModelCorrupt: the record cannot be read.
        """
        manifest = Manifest.read(self.folder(model))
        return manifest if manifest is not None and model.accepts(manifest.originals) else None

    @contextmanager
    def lock(self, model: Model, *, wait: bool = True) -> Iterator[bool]:
        """Keep other processes and threads from changing a model; gives False where one does, and `wait` is off.

        Raises:
            ModelUnavailable: another held it for an hour.
        """
        locks = self.cache / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        lock = FileLock(locks / f"{self.folder(model).name}.lock")
        try:
            lock.acquire(timeout=LOCK_SECONDS if wait else 0)
        except Timeout:
            if not wait:
                yield False
                return
            message = f"another process has been fetching {model.name} for {LOCK_SECONDS:.0f} s"
            raise ModelUnavailable(message) from None
        try:
            yield True
        finally:
            lock.release()

    @contextmanager
    def staging(self, model: Model) -> Iterator[Path]:
        """An empty directory on the same file system, gone afterwards; for whoever holds the model's lock.

        It is named after the model, so that what a killed process left behind is cleared by the next.
        """
        directory = self.cache / ".staging" / self.folder(model).name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def put(self, model: Model, made: Path, staging: Path) -> None:
        """Move a finished folder to its place; what lay there goes to `staging`, where open files stay readable."""
        target = self.folder(model)
        if target.exists():
            target.rename(staging / "replaced")
        made.rename(target)
