"""Where results go: files in a folder, or standard output."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.cli.recordings import Recording
from pipeline.errors import InvalidOption

Content = str | bytes


class Destination(Protocol):
    """Takes the results of one recording after the other."""

    def check(self, recording: Recording) -> None:
        """Raise now what would only be noticed when the results are delivered."""

    def is_done(self, recording: Recording) -> bool:
        """Whether everything asked for is there already."""

    def deliver(self, recording: Recording, artefacts: Mapping[str, Content]) -> None:
        """Take the results of a recording, by suffix."""


@dataclass(frozen=True, slots=True)
class StandardOutput:
    """Writes results one after the other."""

    headings: bool = False
    """Whether each recording's text comes under its name."""

    def check(self, recording: Recording) -> None:
        """Nothing can be in the way."""

    def is_done(self, recording: Recording) -> bool:  # noqa: ARG002 - standard output remembers nothing
        """Never: nothing was written before."""
        return False

    def deliver(self, recording: Recording, artefacts: Mapping[str, Content]) -> None:
        """Write and flush, so that a reader at the other end of a pipe sees each recording as it is done."""
        for content in artefacts.values():
            if isinstance(content, bytes):
                _refuse_terminal()
                sys.stdout.buffer.write(content)
            else:
                heading = f"== {recording.label} ==\n" if self.headings else ""
                sys.stdout.write(heading + content + ("" if content.endswith("\n") or not content else "\n"))
        sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Folder:
    """Writes one file for each result into a folder, whole or not at all: NAME.json beside NAME.rttm."""

    path: Path
    suffixes: Sequence[str]
    overwrite: bool = False

    def prepare(self) -> None:
        """Create the folder.

        Raises:
            InvalidOption: it cannot be created or written to.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"cannot write to {self.path}: {error.strerror}"
            raise InvalidOption(message) from error
        if not os.access(self.path, os.W_OK):
            message = f"cannot write to {self.path}: no permission"
            raise InvalidOption(message)

    def target(self, recording: Recording, suffix: str) -> Path:
        """File that holds one result. The name may have dots of its own."""
        return self.path / f"{recording.name}{suffix}"

    def check(self, recording: Recording) -> None:
        """See that every result can get its name.

        Raises:
            InvalidOption: a result would replace the recording itself.
            OSError: the file system takes no name of that length, or there is a folder of that name.
        """
        for target in (self.target(recording, suffix) for suffix in self.suffixes):
            try:
                there = target.stat()
            except FileNotFoundError:
                continue
            if stat.S_ISDIR(there.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
            if recording.path.exists() and target.samefile(recording.path):
                message = f"{target} would replace the recording itself: choose another folder"
                raise InvalidOption(message)

    def is_done(self, recording: Recording) -> bool:
        """Whether every result exists and none is older than the recording."""
        if self.overwrite or recording.is_standard_input:
            return False
        try:
            made = min(self.target(recording, suffix).stat().st_mtime_ns for suffix in self.suffixes)
            return made >= recording.path.stat().st_mtime_ns
        except OSError:
            return False

    def deliver(self, recording: Recording, artefacts: Mapping[str, Content]) -> None:
        """Write each result beside its place and rename it."""
        for suffix, content in artefacts.items():
            write_atomically(self.target(recording, suffix), content)


def _refuse_terminal() -> None:
    if sys.stdout.isatty():
        message = "a picture cannot be shown on a terminal: use -o DIR, or send it to a file"
        raise InvalidOption(message)


def write_atomically(target: Path, content: Content) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part."""
    # Not named after the target, whose name may be as long as the file system allows.
    partial = target.with_name(f".hansard-{os.getpid()}.part")
    try:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
