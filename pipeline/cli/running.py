"""From what a command line asks for to a batch: formats, destination, reporter, exit code."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from pipeline.cli.batch import Work, run_batch
from pipeline.cli.destination import Destination, Folder, StandardOutput
from pipeline.cli.failures import ExitCode
from pipeline.cli.recordings import STANDARD_INPUT, Recording, find_recordings
from pipeline.cli.session import session
from pipeline.errors import InvalidOption

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Options = TypeVar("Options", bound="DataclassInstance")


@dataclass(frozen=True, kw_only=True)
class OutputChoice:
    """Where results go and what is said on the way."""

    folder: Path | None
    """None or `-`: standard output."""
    suffixes: Sequence[str]
    """Endings of the result files, all different: `.json`, `.rttm`, …"""
    overwrite: bool = False
    quiet: bool = False

    def destination(self, recordings: Sequence[Recording]) -> Destination:
        """Choose where the results of these recordings go.

        Raises:
            InvalidOption: several results for each recording, and no folder to keep them apart.
        """
        if to_standard_output(self.folder):
            if len(self.suffixes) > 1:
                message = f"several formats ({', '.join(self.suffixes)}) need a folder: -o DIR"
                raise InvalidOption(message)
            return StandardOutput(headings=len(recordings) > 1 and tuple(self.suffixes) == (".txt",))
        assert self.folder is not None  # noqa: S101 - said by to_standard_output
        folder = Folder(self.folder, tuple(self.suffixes), self.overwrite)
        folder.prepare()
        return folder


def run(context: typer.Context, paths: Sequence[Path], output: OutputChoice, load: Callable[[], Work]) -> None:
    """Work through the recordings that `paths` name, and end the command with 0, or 1 where one of them failed."""
    from pipeline.cli.progress import reporter

    recordings = find_recordings(paths)
    destination = output.destination(recordings)
    code = run_batch(recordings, load, destination, reporter(quiet=output.quiet), debug=session(context).debug)
    if code is not ExitCode.DONE:
        raise typer.Exit(int(code))


def to_standard_output(folder: Path | None) -> bool:
    """Whether -o is absent, or is `-`."""
    return folder is None or folder == STANDARD_INPUT


def parse_formats(asked: str | None, known: Collection[str], default: str) -> tuple[str, ...]:
    """Split `json,rttm` into names, each once; other names in use, such as `webvtt`, are understood.

    Raises:
        InvalidOption: a name is not known, or there is none.
    """
    from pipeline.formats.registry import ALIASES

    words = [word.strip().lower() for word in (asked or default).split(",")]
    names = tuple(dict.fromkeys(ALIASES.get(word, word) for word in words if word))
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        message = f"--format: {', '.join(unknown) or 'nothing'} is not among {', '.join(known)}"
        raise InvalidOption(message)
    return names


def given(options: Options, **changes: object) -> Options:
    """Replace what the command line does say; where it says nothing the library's own default stays."""
    return replace(options, **{name: value for name, value in changes.items() if value is not None})
