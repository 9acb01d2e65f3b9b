"""One try at one source: what it may use, and how it says that it failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.models.catalog import SourceFile
from pipeline.models.digests import sha256_of
from pipeline.models.progress import Progress


class SourceFailed(Exception):
    """This source cannot give the files; the message says why, the next source may do better."""


class SourceTampered(SourceFailed):
    """This source gives files of another digest than was promised."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What a source works with."""

    name: str
    """The model that is fetched."""
    into: Path
    """Empty directory that takes the files."""
    downloads: Path
    """Directory for what may be of use to the next try."""
    directories: tuple[Path, ...]
    """Where the user keeps files."""
    progress: Progress

    def check(self, files: Sequence[SourceFile]) -> None:
        """Compare the files that were put into `into` with their digests, where they have one.

        Raises:
            SourceTampered: one differs.
        """
        for file in files:
            found = sha256_of(self.into / file.name)
            if file.sha256 is not None and file.sha256 != found:
                message = f"{file.name} has sha256 {found[:12]}…, not {file.sha256[:12]}…"
                raise SourceTampered(message)
