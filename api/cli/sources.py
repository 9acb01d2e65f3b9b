"""What `hansard submit` is given: files, folders of recordings, addresses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.cli.recordings import STANDARD_INPUT, find_recordings, unique_names
from pipeline.errors import InvalidOption

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class Source:
    """One recording to be submitted."""

    label: str
    """As it was given."""
    name: str
    """Differs from that of every other source; its results are called NAME.srt and so on."""
    path: Path | None
    """None for an address."""


def find_sources(arguments: Sequence[str]) -> tuple[Source, ...]:
    """Expand folders and name each source; one that is given twice counts once. Files are not opened.

    Raises:
        InvalidOption: a folder holds no recording, or standard input is given.
    """
    addresses = dict.fromkeys(text for text in arguments if _ADDRESS.match(text))
    paths = [Path(text) for text in arguments if text not in addresses]
    if STANDARD_INPUT in paths:
        message = "standard input cannot be submitted, as it could not be sent again: name a file"
        raise InvalidOption(message)
    files = [recording.path for recording in find_recordings(paths)]
    names = unique_names([*files, *(_path_of(address) for address in addresses)])
    known: list[tuple[str, Path | None]] = [*((str(path), path) for path in files), *((one, None) for one in addresses)]
    return tuple(Source(label, name, path) for (label, path), name in zip(known, names, strict=True))


def _path_of(address: str) -> Path:
    try:
        parts = urlsplit(address)
    except ValueError as error:
        message = f"{address!r} is no address: {error}"
        raise InvalidOption(message) from error
    return Path(parts.netloc + parts.path)
