"""The catalog: what it promises, and what it refuses."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from pipeline.cli.models import STARTERS
from pipeline.errors import InvalidOption, UnknownModel
from pipeline.models.catalog import Artifact, Catalog, HubSource, NpmSource, PackageSource, SourceFile

CATALOG = Catalog.load()


def test_the_models_that_others_ask_for_by_name_are_there() -> None:
    assert {
        "segmentation-3.0",
        "segmentation-3.0-onnx",
        "campplus",
        "ecapa",
        "wespeaker-resnet34",
        "whisper-tiny.en",
        "whisper-base.en",
        "whisper-small",
        "whisper-large-v3-turbo",
        "sample-conversation",
        "sample-two-cities",
        "sample-endgame",
    } == set(CATALOG.models)


def test_everything_from_a_package_index_is_pinned_to_digests() -> None:
    """A package index gives any bytes; only digests make them the ones that were chosen."""
    digests = [
        value
        for model in CATALOG.models.values()
        for source in model.sources
        if isinstance(source, PackageSource | NpmSource)
        for value in (source.sha256, *(file.sha256 for file in source.files))
    ]
    assert len(digests) > len(CATALOG.models)
    assert all(value is not None and re.fullmatch(r"[0-9a-f]{64}", value) for value in digests)


def test_only_the_parity_model_comes_in_an_archive_that_pip_has_to_build() -> None:
    built = [
        model.kind
        for model in CATALOG.models.values()
        for source in model.sources
        if isinstance(source, PackageSource) and not source.is_wheel
    ]
    assert built == ["parity"]


def test_models_that_are_converted_from_ggml_say_whose_vocabulary_they_have() -> None:
    """Of the same kind and kept as it was published, so that no chain of conversions can come about."""
    converted = [model for model in CATALOG.models.values() if model.artifact is Artifact.WHISPER]
    lenders = [CATALOG[model.conversion.vocabulary_of] for model in converted if model.conversion is not None]
    assert [(model.name, lender.name) for model, lender in zip(converted, lenders, strict=True)] == [
        ("whisper-base.en", "whisper-tiny.en")
    ]
    assert {lender.artifact for lender in lenders} == {Artifact.FILES}


def test_what_is_pulled_without_a_name_needs_no_npm() -> None:
    sources = {type(source) for name in STARTERS for source in CATALOG[name].sources}
    assert NpmSource not in sources


def test_models_of_tensors_come_as_one_file() -> None:
    counts = {
        len(source.files)
        for model in CATALOG.models.values()
        if model.artifact is Artifact.TENSORS
        for source in model.sources
    }
    assert counts == {1}


def test_the_package_index_is_asked_before_the_hub() -> None:
    kinds = [type(source) for source in CATALOG["segmentation-3.0"].sources]
    assert kinds == [PackageSource, HubSource]


def test_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownModel, match=r"'whisper-huge'.*whisper-small"):
        CATALOG["whisper-huge"]


@pytest.mark.parametrize("path", ["../evil", "/etc/passwd", "a/../../b", "a\\..\\b", ""])
def test_path_that_leads_out_of_its_archive_is_refused(path: str) -> None:
    with pytest.raises(InvalidOption, match="leads out of its archive"):
        SourceFile(name="weights.pt", path=path)


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/b", "..", "", "a\\b"])
def test_name_that_is_no_plain_file_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidOption, match="not a plain file name"):
        SourceFile(name=name, path="weights.pt")


def test_size_is_the_sum_of_the_original_files_where_all_are_known() -> None:
    assert CATALOG["sample-conversation"].size == 960_104 + 596
    assert CATALOG["whisper-small"].size is None


def test_files_of_other_digests_are_not_accepted_as_the_model() -> None:
    model = CATALOG["campplus"]
    (file,) = model.sources[0].files
    assert file.sha256 is not None
    assert model.accepts({file.name: file.sha256})
    assert not model.accepts({file.name: "0" * 64})
    assert not model.accepts({})


def test_importing_the_models_loads_no_torch() -> None:
    script = "import sys, pipeline.models; sys.exit('torch' in sys.modules or 'huggingface_hub' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
