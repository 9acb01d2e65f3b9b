"""Archives of known digest that lie on this machine: downloads of an earlier try, and files of the user's."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from pipeline.models.archives import unpack
from pipeline.models.attempt import Attempt, SourceFailed, SourceTampered
from pipeline.models.catalog import ArchiveSource
from pipeline.models.digests import sha256_of


def check(archive: Path, source: ArchiveSource) -> None:
    """Compare an archive with the digest that the catalog promises.

    Raises:
        SourceTampered: they differ.
    """
    found = sha256_of(archive)
    if found != source.sha256:
        message = f"{archive} has sha256 {found[:12]}…, not {source.sha256[:12]}…"
        raise SourceTampered(message)


def finished(source: ArchiveSource, attempt: Attempt) -> Path | None:
    """The archive, where an earlier try downloaded all of it; one that is damaged is removed."""
    archive = attempt.downloads / source.archive
    if not archive.is_file():
        return None
    if sha256_of(archive) == source.sha256:
        return archive
    archive.unlink()  # cut short, or damaged since: it is fetched again
    return None


def unpack_local(source: ArchiveSource, attempt: Attempt) -> None:
    """Put the files of a source into `attempt.into`, out of `DIRECTORY/ARCHIVE`.

    Raises:
        SourceFailed: no directory holds the archive.
        SourceTampered: the archive has another digest than the catalog promises.
    """
    places = [directory / source.archive for directory in attempt.directories]
    archive = next((place for place in places if place.is_file()), None)
    if archive is None:
        message = f"no {source.archive}"
        raise SourceFailed(message)
    check(archive, source)
    unpack(archive, source.files, attempt.into)


def discard(source: ArchiveSource, downloads: Path) -> None:
    """Remove a downloaded archive."""
    with FileLock(downloads / f"{source.archive}.lock"):
        (downloads / source.archive).unlink(missing_ok=True)
