"""The ggml reader: what it finds in a file, and what it refuses."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import ModelCorrupt
from pipeline.models.ggml import MAGIC, read_ggml
from tests.unit.pipeline.models.ggml_files import SIZES, TOKENS, ggml_bytes, whisper_tensors


def _write(folder: Path, content: bytes) -> Path:
    path = folder / "ggml-test.bin"
    path.write_bytes(content)
    return path


def test_sizes_tokens_and_tensors_come_back_as_they_were_written(tmp_path: Path) -> None:
    tensors = whisper_tensors()
    model = read_ggml(_write(tmp_path, ggml_bytes(tensors)))
    assert (model.sizes, model.tokens) == (SIZES, TOKENS)
    assert list(model.tensors) == list(tensors)
    for name, tensor in tensors.items():
        assert model.tensors[name].dtype == tensor.dtype
        np.testing.assert_array_equal(model.tensors[name], tensor)


def test_dimensions_are_stored_from_the_innermost(tmp_path: Path) -> None:
    tensor = np.arange(6, dtype=np.float32).reshape(2, 3)
    content = ggml_bytes({"m": tensor})
    assert content.endswith(struct.pack("<2i", 3, 2) + b"m" + tensor.tobytes())
    np.testing.assert_array_equal(read_ggml(_write(tmp_path, content)).tensors["m"], tensor)


def test_other_file_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match="not a ggml file"):
        read_ggml(_write(tmp_path, b"PK\x03\x04" + bytes(100)))


@pytest.mark.parametrize("kept", [0, 2, 30, 60, 100, -1])
def test_file_that_is_cut_short_is_refused(kept: int, tmp_path: Path) -> None:
    """Inside the magic, the sizes, the mel filters, the tokens, and the last tensor."""
    content = ggml_bytes({"m": np.ones(3, np.float32)})
    with pytest.raises(ModelCorrupt, match="ends early"):
        read_ggml(_write(tmp_path, content[:kept]))


def test_file_that_ends_inside_the_head_of_a_tensor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match="ggml tensor 0"):
        read_ggml(_write(tmp_path, ggml_bytes({}) + bytes(5)))


@pytest.mark.parametrize(("dimensions", "kind"), [(2, 8), (0, 0), (5, 0), (-1, 1)])
def test_quantized_and_impossible_tensors_are_refused(dimensions: int, kind: int, tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match=rf"{dimensions} dimensions and type {kind}; read are f32 and f16"):
        read_ggml(_write(tmp_path, ggml_bytes({}) + struct.pack("<3i", dimensions, 1, kind) + bytes(64)))


def test_impossible_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match="impossible sizes"):
        read_ggml(_write(tmp_path, ggml_bytes({}, replace(SIZES, audio_layers=-1))))


def test_negative_length_is_refused(tmp_path: Path) -> None:
    """Read as a number of bytes it would mean the rest of the file."""
    head = ggml_bytes({}, tokens=())[:-4]
    assert head.startswith(struct.pack("<i", MAGIC))
    with pytest.raises(ModelCorrupt, match="-7 bytes wanted"):
        read_ggml(_write(tmp_path, head + struct.pack("<2i", 1, -7)))
