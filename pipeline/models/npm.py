"""Archives from an npm registry, fetched by the npm client as data: nothing is installed, no script is run.

npm is asked because it knows the user's registries, proxies and certificates. `npm pack` of a published package
downloads its archive and no dependency.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock

from pipeline.models.archives import unpack
from pipeline.models.attempt import Attempt, SourceFailed
from pipeline.models.catalog import NpmSource
from pipeline.models.kept_archive import check, finished

STALL_SECONDS = 300.0
"""npm is given up when nothing arrives for so long: its own time-out for one request is 300 s."""
WATCH_SECONDS = 0.5
"""Between two looks at how far the download is."""
MESSAGE_LINES = 4
ERROR_PREFIXES = ("npm error", "npm ERR!")
"""Since npm 10.6, and before."""


def fetch_npm(source: NpmSource, attempt: Attempt) -> None:
    """Put the files of an npm source into `attempt.into`.

    A finished archive stays in `attempt.downloads`, as one of a package index does.

    Raises:
        SourceFailed: npm is missing or could not fetch the archive.
        SourceTampered: the archive has another digest than the catalog promises.
    """
    with FileLock(attempt.downloads / f"{source.archive}.lock"):
        archive = finished(source, attempt) or _download(source, attempt)
        unpack(archive, source.files, attempt.into)


def _download(source: NpmSource, attempt: Attempt) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        message = "npm is not installed; it comes with Node.js (https://nodejs.org)"
        raise SourceFailed(message)
    attempt.progress(attempt.name, 0, source.size)
    # npm's own cache would keep a second copy of the archive for ever: it gets one that goes with the directory.
    with TemporaryDirectory(dir=attempt.downloads, prefix="npm-") as name:
        folder = Path(name)
        status, said = _run(_command(npm, source, folder), folder, source, attempt)
        archive = folder / source.archive
        if status != 0 or not archive.is_file():
            raise SourceFailed(_reason(said) or f"npm ended with status {status}, and gave no {source.archive}")
        check(archive, source)
        attempt.progress(attempt.name, archive.stat().st_size, archive.stat().st_size)
        return archive.rename(attempt.downloads / source.archive)


def _command(npm: str, source: NpmSource, folder: Path) -> list[str]:
    command = [npm, "pack", f"{source.package}@{source.version}", "--ignore-scripts", "--pack-destination", str(folder)]
    return [*command, "--cache", str(folder / "cache"), "--no-update-notifier", "--no-progress", "--loglevel", "error"]


def _run(command: list[str], folder: Path, source: NpmSource, attempt: Attempt) -> tuple[int, str]:
    """Run npm to its end and pass on how much has come; its status, and what it said.

    Raises:
        SourceFailed: nothing came for `STALL_SECONDS`.
    """
    log = folder / "said.txt"
    with (
        log.open("wb") as said,
        subprocess.Popen(  # noqa: S603 - fixed words, and values from the catalog
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            _watch(process, folder, source, attempt)
        finally:
            process.kill()
    return process.returncode, log.read_text(encoding="utf-8", errors="replace")


def _watch(process: subprocess.Popen[bytes], folder: Path, source: NpmSource, attempt: Attempt) -> None:
    seen, since = 0, time.monotonic()
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=WATCH_SECONDS)
            return
        size = _largest(folder)
        if size != seen:
            seen, since = size, time.monotonic()
            attempt.progress(attempt.name, size, source.size)
        elif time.monotonic() - since > STALL_SECONDS:
            message = f"npm has fetched nothing for {STALL_SECONDS} s"
            raise SourceFailed(message)


def _largest(folder: Path) -> int:
    """Bytes of the largest file, which is the archive wherever npm builds it up; files come and go meanwhile."""
    largest = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            largest = max(largest, path.stat().st_size if path.is_file() else 0)
    return largest


def _reason(said: str) -> str:
    lines = [line.strip() for line in said.splitlines()]
    errors = [
        line.removeprefix(prefix).strip() for line in lines for prefix in ERROR_PREFIXES if line.startswith(prefix)
    ]
    return " ".join([line for line in errors or lines if line][:MESSAGE_LINES])
