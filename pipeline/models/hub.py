"""Files from the Hugging Face hub, locked to what the first pull found.

A repository is a moving name. The first pull resolves its revision to a commit and records the digests of the files
it took; later pulls ask for that commit and must get those digests.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path
from threading import Event, Thread
from typing import Any

from pipeline.models.attempt import Attempt, SourceFailed, SourceTampered
from pipeline.models.catalog import HubSource
from pipeline.models.digests import sha256_of
from pipeline.models.hub_lock import HubLock, LockedRevision

TIMEOUT_SECONDS = 15.0
"""For the answer to one request about a repository."""
WATCH_SECONDS = 0.5
"""Between two looks at how far a download is."""


def fetch_hub(source: HubSource, attempt: Attempt, lock: HubLock) -> None:
    """Put the files of a hub source into `attempt.into`. A download that was cut short is resumed by the next try.

    Raises:
        SourceFailed: the hub cannot be reached, or does not give the files.
        SourceTampered: the files are not those that were locked.
    """
    if importlib.util.find_spec("huggingface_hub") is None:
        message = "huggingface_hub is not installed; install it with: pip install huggingface_hub"
        raise SourceFailed(message)
    locked = lock.get(source.repository, source.revision)
    commit, sizes = _described(source, locked.commit if locked else source.revision)
    wanted = {file.path: file.name for file in source.files}
    top = [path for path in sizes if "/" not in path and "\\" not in path]
    wanted |= {path: path for path in top if any(fnmatch(path, pattern) for pattern in source.optional)}
    missing = [path for path in wanted if path not in sizes] or ([] if wanted else source.optional)
    if missing:
        message = f"it holds no {', no '.join(missing)}"
        raise SourceFailed(message)
    folder = attempt.downloads / f"{source.repository.replace('/', '--')}--{commit}"
    total = sum(sizes[path] for path in wanted) or None
    with _watched(attempt, folder, total):
        for path, name in wanted.items():
            shutil.copyfile(_downloaded(source, commit, path, folder), attempt.into / name)
    shutil.rmtree(folder)  # also where a digest is wrong: the client would call the same file up to date
    attempt.check(source.files)
    _enforce(source, commit, {name: sha256_of(attempt.into / name) for name in wanted.values()}, lock)


def _enforce(source: HubSource, commit: str, files: dict[str, str], lock: HubLock) -> None:
    locked = lock.get(source.repository, source.revision)
    if locked is None:
        lock.record(source.repository, source.revision, LockedRevision(commit=commit, files=files))
    elif dict(locked.files) != files:
        changed = sorted(name for name in {*files, *locked.files} if files.get(name) != locked.files.get(name))
        message = f"{source.repository}@{commit[:12]}: {', '.join(changed)} differ from {lock.cache}"
        raise SourceTampered(message)


def _described(source: HubSource, revision: str) -> tuple[str, dict[str, int]]:
    """Commit of a revision, and the sizes of its files in bytes."""
    from huggingface_hub import HfApi  # noqa: PLC0415 - 0.3 s to import, and not needed where files are here already

    info = _asked(
        lambda: HfApi().model_info(source.repository, revision=revision, files_metadata=True, timeout=TIMEOUT_SECONDS)
    )
    return info.sha, {file.rfilename: file.size or 0 for file in info.siblings or ()}


def _downloaded(source: HubSource, commit: str, path: str, folder: Path) -> Path:
    from huggingface_hub import HfApi  # noqa: PLC0415 - as above

    hub = HfApi()
    return Path(
        _asked(
            lambda: hub.hf_hub_download(
                source.repository, path, revision=commit, local_dir=folder, etag_timeout=TIMEOUT_SECONDS
            )
        )
    )


def _asked(request: Callable[[], Any]) -> Any:  # noqa: ANN401 - passes through what the client gives
    try:
        return request()
    except Exception as error:  # the client raises requests', httpx' or httpx2's errors, by its release
        cause = error.__cause__ or error  # what went wrong on the wire, where the client says only that something did
        message = f"{type(cause).__name__}: {' '.join(str(cause).split())}"
        raise SourceFailed(message) from error


@contextmanager
def _watched(attempt: Attempt, folder: Path, total: int | None) -> Iterator[None]:
    """Report how `folder` grows: the client's own bars differ between its releases."""
    finished = Event()

    def watch() -> None:
        while not finished.wait(WATCH_SECONDS):
            attempt.progress(attempt.name, _bytes_in(folder), total)

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
    attempt.progress(attempt.name, _bytes_in(folder), total)


def _bytes_in(folder: Path) -> int:
    """Bytes of finished and unfinished downloads; files may come and go meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            counts = path.parent == folder or path.suffix == ".incomplete"  # the client keeps notes of its own
            total += path.stat().st_size if counts and path.is_file() else 0
    return total
