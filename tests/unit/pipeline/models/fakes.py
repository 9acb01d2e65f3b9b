"""Small wheels, checkpoints and catalogs that stand for real ones."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from pipeline.models.attempt import Attempt
from pipeline.models.catalog import WEIGHTS_NAME, Artifact, Catalog, Model, PackageSource, SourceFile
from pipeline.models.progress import NullProgress

WHEEL_NAME = "fake_weights-1.0-py3-none-any.whl"
NPM_ARCHIVE = "fake-weights-1.0.0.tgz"
METADATA = "Metadata-Version: 2.1\nName: fake-weights\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def digest(content: bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def checkpoint_bytes(value: object) -> bytes:
    """What torch.save writes for a value."""
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def state_dict(seed: int = 0) -> dict[str, torch.Tensor]:
    """A few tensors of several types and shapes."""
    generator = torch.Generator().manual_seed(seed)
    return {
        "linear.weight": torch.randn(3, 4, generator=generator),
        "linear.bias": torch.randn(3, generator=generator),
        "norm.num_batches_tracked": torch.tensor(7),
    }


def build_wheel(folder: Path, files: Mapping[str, bytes]) -> Path:
    """A wheel that pip accepts, holding `files`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / WHEEL_NAME
    info = "fake_weights-1.0.dist-info"
    members = {**files, f"{info}/METADATA": METADATA.encode(), f"{info}/WHEEL": WHEEL.encode()}
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in members.items():
            wheel.writestr(zipfile.ZipInfo(name), content)
        wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in members))
    return path


def package_source(wheel: Path, files: Mapping[str, bytes]) -> PackageSource:
    """The source that a catalog would give for files of a wheel."""
    return PackageSource(
        distribution="fake-weights",
        version="1.0",
        archive=wheel.name,
        sha256=digest(wheel.read_bytes()),
        size=wheel.stat().st_size,
        files=tuple(
            SourceFile(name=Path(path).name, path=path, sha256=digest(content), size=len(content))
            for path, content in files.items()
        ),
    )


def npm_archive(folder: Path, files: Mapping[str, bytes]) -> Path:
    """What npm packs: `files`, below `package/` by custom."""
    folder.mkdir()
    with tarfile.open(folder / NPM_ARCHIVE, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return folder / NPM_ARCHIVE


def tensors_model(source: PackageSource, name: str = "fake-net") -> Model:
    """A catalog entry that is kept as tensors."""
    return Model(
        name=name,
        kind="segmentation",
        licence="MIT",
        artifact=Artifact.TENSORS,
        sources=(source,),
        entry=WEIGHTS_NAME,
    )


def catalog_of(*models: Model) -> Catalog:
    """A catalog of these models alone."""
    return Catalog({model.name: model for model in models})


def attempt_in(folder: Path, name: str = "fake-net", directories: tuple[Path, ...] = ()) -> Attempt:
    """An attempt whose directories exist."""
    into, downloads = folder / "into", folder / "downloads"
    into.mkdir(parents=True)
    downloads.mkdir()
    return Attempt(name=name, into=into, downloads=downloads, directories=directories, progress=NullProgress())


def use_index(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let pip find what lies in `folder`, and nothing else."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
