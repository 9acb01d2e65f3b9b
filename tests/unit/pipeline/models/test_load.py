"""Loading: nothing is parsed that does not have its digest."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pipeline.errors import ModelCorrupt
from pipeline.models.convert import convert
from pipeline.models.digests import sha256_of
from pipeline.models.load import load_tensors
from pipeline.models.manifest import Manifest
from tests.unit.pipeline.models.fakes import checkpoint_bytes, state_dict


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / "net.ckpt").write_bytes(checkpoint_bytes(state_dict()))
    path = tmp_path / "weights.safetensors"
    convert(tmp_path / "net.ckpt", path)
    _record(path)
    return path


def _record(path: Path) -> None:
    manifest = Manifest(
        name="net",
        source="test",
        entry=path.name,
        main="net.ckpt",
        originals={"net.ckpt": "0"},
        files={path.name: sha256_of(path)},
        size=1,
    )
    manifest.write(path.parent)


def test_tensors_are_what_was_converted(weights: Path) -> None:
    found, expected = load_tensors(weights), state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_conversion_gives_the_same_bytes_each_time(weights: Path) -> None:
    again = weights.with_name("again.safetensors")
    convert(weights.with_name("net.ckpt"), again)
    assert again.read_bytes() == weights.read_bytes()


def test_changed_file_is_refused(weights: Path) -> None:
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ModelCorrupt, match="sha256"):
        load_tensors(weights)


def test_file_without_a_record_is_refused(weights: Path) -> None:
    (weights.parent / "manifest.json").unlink()
    with pytest.raises(ModelCorrupt, match="no record"):
        load_tensors(weights)


def test_file_the_record_does_not_name_is_refused(weights: Path) -> None:
    with pytest.raises(ModelCorrupt, match="no record"):
        load_tensors(weights.rename(weights.with_name("other.safetensors")))


def test_recorded_file_that_is_no_safetensors_is_refused(weights: Path) -> None:
    weights.write_bytes(b"not at all")
    _record(weights)
    with pytest.raises(ModelCorrupt, match="not a safetensors file"):
        load_tensors(weights)


def test_files_may_be_read_by_others_as_the_umask_says(weights: Path) -> None:
    """A cache is shared: a worker may run as another user than the one who pulled."""
    plain = weights.with_name("plain")
    plain.touch()
    assert weights.stat().st_mode == plain.stat().st_mode
