"""Models that are named by a path or by a repository of the hub."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pipeline.errors import ModelCorrupt, ModelUnavailable, UnknownModel
from pipeline.models.load import load_tensors
from pipeline.models.store import ModelStore
from tests.unit.pipeline.models.fakes import catalog_of, checkpoint_bytes, digest, state_dict
from tests.unit.pipeline.models.hub_server import FakeHub, use_hub

NET = checkpoint_bytes({"state_dict": state_dict()})


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "cache", offline=True, catalog=catalog_of())


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "published"
    folder.mkdir()
    path = folder / "pytorch_model.bin"
    path.write_bytes(NET)
    return path


def test_checkpoint_file_is_converted_and_kept_by_its_digest(store: ModelStore, checkpoint: Path) -> None:
    path = store.path(str(checkpoint))
    assert load_tensors(path).keys() == state_dict().keys()
    assert path.parent.name == f"local-{digest(NET)[:16]}"
    assert store.record(str(checkpoint)).sha256 == digest(NET)


def test_directory_of_a_checkpoint_means_the_checkpoint(store: ModelStore, checkpoint: Path) -> None:
    assert store.path(str(checkpoint.parent)) == store.path(str(checkpoint))


def test_changed_checkpoint_is_another_model(store: ModelStore, checkpoint: Path) -> None:
    first = store.path(str(checkpoint))
    checkpoint.write_bytes(checkpoint_bytes(state_dict(seed=1)))
    second = store.path(str(checkpoint))
    assert first != second
    assert torch.equal(load_tensors(second)["linear.bias"], state_dict(seed=1)["linear.bias"])


def test_safetensors_file_is_taken_as_it_is(store: ModelStore, tmp_path: Path) -> None:
    save_file(state_dict(), tmp_path / "net.safetensors")
    found = load_tensors(store.path(str(tmp_path / "net.safetensors")))
    assert torch.equal(found["linear.weight"], state_dict()["linear.weight"])


def test_safetensors_file_that_is_none_is_refused(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "net.safetensors").write_bytes(b"not at all")
    with pytest.raises(ModelCorrupt, match="not a safetensors file"):
        store.path(str(tmp_path / "net.safetensors"))


def test_ctranslate2_directory_is_used_where_it_lies(store: ModelStore, tmp_path: Path) -> None:
    whisper = tmp_path / "my-whisper"
    whisper.mkdir()
    (whisper / "model.bin").write_bytes(b"numbers")
    assert store.path(str(whisper)) == store.pull(str(whisper)) == whisper
    store.verify(str(whisper))
    record = store.record(str(whisper))
    assert (record.name, record.sha256) == ("my-whisper", digest(b"numbers"))


def test_path_to_nothing_is_unavailable(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="no checkpoint file"):
        store.path(str(tmp_path / "nothing.bin"))


def test_repository_of_the_hub_is_fetched_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = FakeHub("owner/net", {"pytorch_model.bin": NET, "config.json": b"{}", "README.md": b"read me"})
    store = ModelStore(tmp_path / "cache", catalog=catalog_of())
    with hub.running() as address:
        use_hub(monkeypatch, address)
        path = store.path("hub:owner/net")
    assert load_tensors(path).keys() == state_dict().keys()
    assert store.path("hub:owner/net") == path


def test_whisper_of_the_hub_is_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = FakeHub("owner/whisper", {"model.bin": b"numbers", "config.json": b"{}", "vocabulary.json": b"[]"})
    store = ModelStore(tmp_path / "cache", catalog=catalog_of())
    with hub.running() as address:
        use_hub(monkeypatch, address)
        path = store.path("hub:owner/whisper@main")
    assert {"model.bin", "config.json", "vocabulary.json"} < {file.name for file in path.iterdir()}
    assert store.record("hub:owner/whisper@main").sha256 == digest(b"numbers")


def test_hub_is_not_asked_offline(store: ModelStore) -> None:
    with pytest.raises(ModelUnavailable, match="hub: owner/net@main: not asked"):
        store.path("hub:owner/net")


@pytest.mark.parametrize("name", ["hub:", "hub:net", "hub:a/b/c", "hub:../..", "hub:a/b@", "hub:a b/c"])
def test_malformed_repository_is_unknown(name: str, store: ModelStore) -> None:
    with pytest.raises(UnknownModel, match="OWNER/REPOSITORY"):
        store.path(name)
