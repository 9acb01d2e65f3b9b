"""Where transcripts go: a file, files in a folder, or standard output."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.destination import Folder, write_atomically
from pipeline.cli.recordings import STANDARD_INPUT
from pipeline.errors import InvalidOption

if TYPE_CHECKING:
    from api.client import Client
    from pipeline.formats.registry import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What becomes of a transcript."""

    formats: Sequence[Format]
    file: Path | None = None
    folder: Path | None = None
    """Neither: standard output."""

    def deliver(self, client: Client, recording_id: str, name: str) -> None:
        """Fetch the transcript of a recording and put it where it belongs, whole or not at all."""
        for wanted in self.formats:
            content = client.transcript(recording_id, wanted.name)
            if self.folder is not None:
                write_atomically(self.folder / f"{name}{wanted.suffix}", content)
            elif self.file is not None:
                write_atomically(self.file, content)
            else:
                whole = _is_picture(wanted) or content.endswith(b"\n") or not content
                sys.stdout.buffer.write(content if whole else content + b"\n")
                sys.stdout.flush()


def delivery(
    formats: str | None, output: Path | None, *, default: str, several: bool, sources: Sequence[Path] = ()
) -> Delivery:
    """Choose where transcripts go, and see that they can.

    Raises:
        InvalidOption: a format is unknown, several would go into one file, a picture would go to a terminal, or the
            place cannot be written to.
    """
    chosen = _chosen(formats or default)
    if output is None or output == STANDARD_INPUT:
        if len(chosen) > 1:
            message = "several formats need a folder: -o DIR"
            raise InvalidOption(message)
        if _is_picture(chosen[0]) and sys.stdout.isatty():
            message = "a picture cannot be shown on a terminal: use -o PATH, or send it to a file"
            raise InvalidOption(message)
        return Delivery(formats=chosen)
    if several or len(chosen) > 1 or output.is_dir():
        Folder(output, ()).prepare()
        return Delivery(formats=chosen, folder=output)
    if not output.parent.is_dir():
        message = f"cannot write to {output}: there is no folder {output.parent}"
        raise InvalidOption(message)
    if output.exists() and any(source.exists() and output.samefile(source) for source in sources):
        message = f"{output} is the recording itself: choose another file"
        raise InvalidOption(message)
    return Delivery(formats=chosen, file=output)


def _chosen(formats: str) -> list[Format]:
    """The formats of `srt,vtt`, each once."""
    from pipeline.formats import find

    words = [word.strip().lower() for word in formats.split(",")]
    entries = {entry.name: entry for entry in (find(word) for word in words if word)}
    if not entries:
        message = "--format names no format"
        raise InvalidOption(message)
    return list(entries.values())


def _is_picture(wanted: Format) -> bool:
    return wanted.media_type.startswith("image/")
