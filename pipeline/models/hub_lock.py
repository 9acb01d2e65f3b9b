"""What the first pull of a hub model found, so that every later one finds the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from pipeline.errors import ModelCorrupt
from pipeline.models.digests import write_atomically

LOCK_NAME = "hub.lock.json"


@dataclass(frozen=True, kw_only=True)
class LockedRevision:
    """One revision of one repository as it was first seen."""

    commit: str
    files: Mapping[str, str]
    """SHA-256 by file name."""


@dataclass(frozen=True)
class HubLock:
    """The locked revisions of a cache, kept in one JSON file that may be copied to other machines."""

    cache: Path

    def get(self, repository: str, revision: str) -> LockedRevision | None:
        """What was seen first; None before the first pull.

        Raises:
            ModelCorrupt: the file cannot be read.
        """
        return self._read().get(f"{repository}@{revision}")

    def record(self, repository: str, revision: str, seen: LockedRevision) -> None:
        """Keep what a first pull found."""
        with FileLock(self.cache / f".{LOCK_NAME}.lock"):
            entries = {**self._read(), f"{repository}@{revision}": seen}
            plain = {name: asdict(entry) for name, entry in entries.items()}
            write_atomically(self.cache / LOCK_NAME, json.dumps(plain, indent=2, sort_keys=True).encode())

    def _read(self) -> dict[str, LockedRevision]:
        path = self.cache / LOCK_NAME
        try:
            return {name: LockedRevision(**entry) for name, entry in json.loads(path.read_bytes()).items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError) as error:
            message = f"{path} cannot be read: {error}"
            raise ModelCorrupt(message) from error
