"""The recordings a command line names, each with a name of its own for its results."""

from __future__ import annotations

import hashlib
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import InvalidOption

STANDARD_INPUT = Path("-")
STANDARD_INPUT_NAME = "stdin"
# fmt: off
MEDIA_SUFFIXES = frozenset({
    ".3gp", ".aac", ".aif", ".aiff", ".amr", ".au", ".avi", ".caf", ".flac", ".flv", ".m4a", ".m4b", ".m4v", ".mka",
    ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpeg", ".mpg", ".oga", ".ogg", ".opus", ".ts", ".wav", ".wave",
    ".webm", ".wma", ".wmv",
})
# fmt: on
"""Endings by which recordings are found in a folder. A file that is named itself may have any ending."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One input."""

    path: Path
    """A file, or `STANDARD_INPUT`."""
    name: str
    """Differs from that of every other input, whatever the case; its results are called NAME.rttm and so on."""

    @property
    def is_standard_input(self) -> bool:
        """Whether the bytes come from standard input."""
        return self.path == STANDARD_INPUT

    @property
    def source(self) -> Path | BinaryIO:
        """The file, or standard input, which need not be able to seek."""
        return sys.stdin.buffer if self.is_standard_input else self.path

    @property
    def label(self) -> str:
        """How messages call it."""
        return "standard input" if self.is_standard_input else str(self.path)


def find_recordings(arguments: Sequence[Path]) -> tuple[Recording, ...]:
    """Expand folders (all levels, hidden entries left out, in order of name) and name each input.

    A file given twice counts once. Files are not opened: one that is missing fails when its turn comes.

    Raises:
        InvalidOption: a folder holds no recording.
    """
    found: dict[Path, Path] = {}
    for argument in arguments:
        for path in _expand(argument):
            found.setdefault(path if path == STANDARD_INPUT else path.absolute(), path)
    paths = tuple(found.values())
    return tuple(Recording(path, name) for path, name in zip(paths, unique_names(paths), strict=True))


def unique_names(paths: Sequence[Path]) -> tuple[str, ...]:
    """Shortest telling names, all different: `talk`, else `talk.wav`, else with folders, `monday_talk.wav`."""
    levels = [0] * len(paths)
    while True:
        names = [_name(path, level) for path, level in zip(paths, levels, strict=True)]
        count = Counter(name.casefold() for name in names)
        clashing = [index for index, name in enumerate(names) if count[name.casefold()] > 1]
        if not clashing:
            return tuple(names)
        for index in clashing:
            levels[index] += 1


def _expand(argument: Path) -> Iterator[Path]:
    if argument == STANDARD_INPUT or not argument.is_dir():
        yield argument
        return
    inside = list(_walk(argument))
    if not inside:
        message = f"no recordings in {argument}: looked for files ending in {' '.join(sorted(MEDIA_SUFFIXES))}"
        raise InvalidOption(message)
    yield from inside


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in MEDIA_SUFFIXES:
                yield Path(parent) / name


def _name(path: Path, level: int) -> str:
    if path == STANDARD_INPUT:
        return STANDARD_INPUT_NAME if level == 0 else f"{STANDARD_INPUT_NAME}_{level}"
    if level == 0:
        return path.stem
    parents = path.absolute().parts[1:-1]
    if level - 1 > len(parents):
        # Paths that read alike once joined, a_b/c and a/b_c: tell them apart by what cannot be alike.
        return f"{path.name}_{hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:8]}"
    return "_".join((*parents[len(parents) - (level - 1) :], path.name))
