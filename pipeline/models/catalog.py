"""The models that can be used by name, read from catalog.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.errors import InvalidOption, UnknownModel

WEIGHTS_NAME = "weights.safetensors"
"""File that every model of tensors is kept as."""


class Artifact(StrEnum):
    """What a model is kept as."""

    TENSORS = "tensors"
    """One safetensors file, converted where the original is a pickle."""
    FILES = "files"
    """The original files, untouched."""
    DETECTED = "detected"
    """Files where they are a CTranslate2 model, else tensors: for what the catalog does not know."""
    WHISPER = "whisper"
    """A CTranslate2 Whisper directory, converted from one ggml file."""


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One file of a source."""

    name: str
    """Plain file name it is kept under."""
    path: str
    """Where the source has it: a path inside the archive or repository, with forward slashes."""
    sha256: str | None = None
    """Digest of the file as published; None where it is locked on the first pull."""
    size: int | None = None
    """Bytes."""

    def __post_init__(self) -> None:
        parts = PurePosixPath(self.path).parts
        if self.name != PurePosixPath(self.name).name or self.name in {"", ".."} or "\\" in self.name:
            message = f"{self.name!r} is not a plain file name"
            raise InvalidOption(message)
        if not parts or self.path.startswith("/") or ".." in parts or "\\" in self.path:
            message = f"{self.path!r} leads out of its archive"
            raise InvalidOption(message)


@dataclass(frozen=True, kw_only=True)
class WheelTags:
    """Which of a release's wheels to take, whatever machine asks."""

    python: str
    implementation: str
    abi: str
    platform: str


@dataclass(frozen=True, kw_only=True)
class PackageSource:
    """Files inside one archive of a package index."""

    distribution: str
    version: str
    archive: str
    """File name of the wheel or sdist."""
    sha256: str
    """Digest of the archive."""
    size: int | None
    files: tuple[SourceFile, ...]
    tags: WheelTags | None = None
    """None for a wheel that fits every platform, and for an sdist."""

    @property
    def is_wheel(self) -> bool:
        """Whether the archive is a wheel, which pip fetches without running anything."""
        return self.archive.endswith(".whl")

    def __str__(self) -> str:
        return f"package index: {self.distribution}=={self.version}"


@dataclass(frozen=True, kw_only=True)
class NpmSource:
    """Files inside one package of an npm registry."""

    package: str
    version: str
    archive: str
    """File name that npm gives the package's archive."""
    sha256: str
    """Digest of the archive."""
    size: int | None
    files: tuple[SourceFile, ...]

    def __str__(self) -> str:
        return f"npm: {self.package}@{self.version}"


@dataclass(frozen=True, kw_only=True)
class HubSource:
    """Files of one repository of the Hugging Face hub."""

    repository: str
    revision: str
    files: tuple[SourceFile, ...]
    """Files that must be there."""
    optional: tuple[str, ...] = ()
    """Patterns of files that are taken where there are any."""

    def __str__(self) -> str:
        return f"hub: {self.repository}@{self.revision}"


@dataclass(frozen=True, kw_only=True)
class PathSource:
    """One file of this machine that the user named."""

    path: Path
    files: tuple[SourceFile, ...]

    def __str__(self) -> str:
        return f"file: {self.path}"


ArchiveSource = PackageSource | NpmSource
"""Sources that give one archive of a known digest."""
Source = ArchiveSource | HubSource | PathSource


@dataclass(frozen=True, kw_only=True)
class WhisperConversion:
    """What a CTranslate2 Whisper needs and a ggml file does not hold."""

    vocabulary_of: str
    """Model of the catalog with the same vocabulary: its tokenizer and its suppressed tokens are taken."""
    alignment_heads: tuple[tuple[int, int], ...]
    """(layer, head) of the decoder whose attention follows the audio."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """One entry of the catalog."""

    name: str
    kind: str
    """`segmentation` | `embedding` | `asr` | `sample` | `parity`; `custom` for what the user names by path."""
    licence: str
    artifact: Artifact
    sources: tuple[Source, ...]
    origin: str = ""
    """Where the model was first published."""
    entry: str = ""
    """File that stands for the model; empty for the whole directory."""
    conversion: WhisperConversion | None = None
    """For an artifact of kind `whisper`."""

    @property
    def size(self) -> int | None:
        """Bytes of the original files, where the catalog knows them."""
        sizes = [file.size for file in self.sources[0].files]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def accepts(self, originals: Mapping[str, str]) -> bool:
        """Whether files of these names and digests are this model, by what any of its sources promises."""
        return any(
            all(
                file.name in originals and file.sha256 in {None, originals[file.name]}  # None: locked, not pinned
                for file in source.files
            )
            for source in self.sources
        )


@dataclass(frozen=True)
class Catalog:
    """Models by name."""

    models: Mapping[str, Model]

    @classmethod
    def load(cls) -> Catalog:
        """Read the catalog that comes with this package."""
        text = resources.files("pipeline.models").joinpath("catalog.toml").read_text(encoding="utf-8")
        return cls.parse(text)

    @classmethod
    def parse(cls, text: str) -> Catalog:
        """Read a catalog from TOML.

        Raises:
            InvalidOption: a file's name or path leads out of where it belongs.
        """
        entries = [_model(entry) for entry in tomllib.loads(text)["model"]]
        return cls({model.name: model for model in entries})

    def __getitem__(self, name: str) -> Model:
        """The model of that name.

        Raises:
            UnknownModel: there is none.
        """
        if name not in self.models:
            message = (
                f"no model is called {name!r}; known are {', '.join(self.models)}, a path, or hub:OWNER/REPOSITORY"
            )
            raise UnknownModel(message)
        return self.models[name]


def _model(entry: dict[str, Any]) -> Model:
    artifact = Artifact(entry["artifact"])
    packages = [_package(source) for source in entry.get("package", [])]
    npm = [_npm(source) for source in entry.get("npm", [])]
    hubs = [_hub(source) for source in entry.get("hub", [])]
    return Model(
        name=entry["name"],
        kind=entry["kind"],
        licence=entry["licence"],
        artifact=artifact,
        sources=(*packages, *npm, *hubs),
        origin=entry["origin"],
        entry=WEIGHTS_NAME if artifact is Artifact.TENSORS else entry.get("entry", ""),
        conversion=_conversion(entry["conversion"]) if artifact is Artifact.WHISPER else None,
    )


def _conversion(entry: dict[str, Any]) -> WhisperConversion:
    heads = tuple((int(layer), int(head)) for layer, head in entry["alignment_heads"])
    return WhisperConversion(vocabulary_of=entry["vocabulary_of"], alignment_heads=heads)


def _package(source: dict[str, Any]) -> PackageSource:
    return PackageSource(
        distribution=source["distribution"],
        version=source["version"],
        archive=source["archive"],
        sha256=source["sha256"],
        size=source.get("size"),
        files=tuple(SourceFile(**file) for file in source["file"]),
        tags=WheelTags(**source["tags"]) if "tags" in source else None,
    )


def _npm(source: dict[str, Any]) -> NpmSource:
    return NpmSource(
        package=source["package"],
        version=source["version"],
        archive=source["archive"],
        sha256=source["sha256"],
        size=source.get("size"),
        files=tuple(SourceFile(**file) for file in source["file"]),
    )


def _hub(source: dict[str, Any]) -> HubSource:
    return HubSource(
        repository=source["repository"],
        revision=source["revision"],
        files=tuple(SourceFile(**file) for file in source["file"]),
        optional=tuple(source.get("optional", ())),
    )
