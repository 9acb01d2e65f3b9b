"""Files that the user has put on this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.models.attempt import Attempt, SourceFailed
from pipeline.models.catalog import HubSource, PathSource, Source


def copy_named(source: PathSource, attempt: Attempt) -> None:
    """Copy the file that the user named."""
    shutil.copyfile(source.path, attempt.into / source.files[0].name)


def copy_local(source: Source, attempt: Attempt) -> None:
    """Copy the files of a source from `DIRECTORY/MODEL/FILE`.

    Raises:
        SourceFailed: no directory holds all of them.
    """
    for directory in attempt.directories:
        folder = directory / attempt.name
        if source.files and all((folder / file.name).is_file() for file in source.files):
            for name in {*(file.name for file in source.files), *_optional(folder, source)}:
                shutil.copyfile(folder / name, attempt.into / name)
            return
    message = f"no {', '.join(f'{attempt.name}/{file.name}' for file in source.files) or attempt.name}"
    raise SourceFailed(message)


def _optional(folder: Path, source: Source) -> set[str]:
    patterns = source.optional if isinstance(source, HubSource) else ()
    return {path.name for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
