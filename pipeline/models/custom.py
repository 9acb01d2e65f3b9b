"""Models that are in no catalog: a file or directory of the user's, or a repository of the hub."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.errors import ModelUnavailable, UnknownModel
from pipeline.models.catalog import Artifact, HubSource, Model, PathSource, SourceFile
from pipeline.models.digests import sha256_of

HUB_PREFIX = "hub:"
REPOSITORY = re.compile(r"(?P<repository>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>\w[\w./-]*))?", re.ASCII)
CHECKPOINT_SUFFIXES = (".bin", ".ckpt", ".pt", ".pth", ".safetensors")
CTRANSLATE2_FILE = "model.bin"
"""File that tells a CTranslate2 Whisper directory from others."""
PYTORCH_FILE = "pytorch_model.bin"


HUB_FILES = (
    CTRANSLATE2_FILE,
    "config.json",
    "tokenizer.json",
    "vocabulary.*",
    "preprocessor_config.json",
    PYTORCH_FILE,
)
"""What is taken from a repository that the catalog does not know; of what else is there, nothing is used."""
KIND = "custom"
LICENCE = "as its publisher says"


def is_path(name: str) -> bool:
    """Whether a name means a file or directory of this machine."""
    return name.startswith((".", "~")) or "/" in name or Path(name).suffix in CHECKPOINT_SUFFIXES


def model_directory(name: str) -> Path | None:
    """The CTranslate2 directory that a path means, to be used as it lies; None where it means something else."""
    path = Path(name).expanduser()
    return path.resolve() if (path / CTRANSLATE2_FILE).is_file() else None


def path_model(name: str) -> Model:
    """The checkpoint that a path means: the file, or `pytorch_model.bin` in the directory. Known by its digest.

    Raises:
        ModelUnavailable: there is neither.
    """
    path = Path(name).expanduser()
    file = path / PYTORCH_FILE if path.is_dir() else path
    if not file.is_file():
        message = f"{path} is no checkpoint file, and no directory that holds {CTRANSLATE2_FILE} or {PYTORCH_FILE}"
        raise ModelUnavailable(message)
    digest = sha256_of(file)
    source = PathSource(path=file, files=(SourceFile(name=file.name, path=file.name, sha256=digest),))
    return _custom(f"local-{digest[:16]}", source)


def hub_model(name: str) -> Model:
    """The model that `hub:OWNER/REPOSITORY[@REVISION]` means: a CTranslate2 Whisper or a PyTorch checkpoint.

    Raises:
        UnknownModel: that is no name of a repository.
    """
    match = REPOSITORY.fullmatch(name.removeprefix(HUB_PREFIX))
    if match is None:
        message = f"{name!r} is not of the form hub:OWNER/REPOSITORY or hub:OWNER/REPOSITORY@REVISION"
        raise UnknownModel(message)
    return _custom(
        name,
        HubSource(repository=match["repository"], revision=match["revision"] or "main", files=(), optional=HUB_FILES),
    )


def _custom(name: str, source: PathSource | HubSource) -> Model:
    return Model(name=name, kind=KIND, licence=LICENCE, artifact=Artifact.DETECTED, sources=(source,))
