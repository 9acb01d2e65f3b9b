from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.asr.network.weights import Weights
from pipeline.errors import ModelCorrupt
from tests.unit.pipeline.asr.network import small_whisper


def written(folder: Path) -> bytes:
    return (folder / "model.bin").read_bytes()


def test_what_was_stored_in_16_bits_is_read_back(folder: Path) -> None:
    weights = Weights.read(folder / "model.bin")
    assert weights.number("decoder/num_heads") == 2
    embeddings = weights.array("decoder/embeddings/weight")
    assert embeddings.shape == (160, 128)
    assert embeddings.dtype == np.float32
    assert 0.015 < embeddings.std() < 0.025
    # Stored once, under two names.
    assert np.array_equal(weights.array("decoder/projection/weight"), embeddings)
    assert "decoder/layer_1/ffn/linear_0/weight" in weights
    assert "decoder/layer_2/ffn/linear_0/weight" not in weights
    assert weights.array("encoder/conv1/weight").shape == (128, 80, 3)


@pytest.mark.parametrize(("quantization", "error"), [("float32", 5e-5), ("bfloat16", 4e-4), ("int8", 4e-4)])
def test_however_weights_are_stored_they_are_the_same(
    folder: Path, tmp_path: Path, quantization: str, error: float
) -> None:
    exact = Weights.read(folder / "model.bin")
    stored = Weights.read(small_whisper.write(tmp_path, quantization) / "model.bin")
    for name in (
        "decoder/layer_0/ffn/linear_0/weight",
        "decoder/layer_1/self_attention/linear_0/bias",
        "decoder/projection/weight",
        "encoder/conv2/weight",
    ):
        np.testing.assert_allclose(stored.array(name), exact.array(name), atol=error)


def test_integers_are_divided_by_the_scale_of_their_row() -> None:
    integers = np.asarray([[127, -64], [1, 0]], dtype=np.int8)
    weights = Weights({"a": integers, "a_scale": np.asarray([254.0, 0.5], dtype=np.float32)})
    np.testing.assert_allclose(weights.array("a"), [[0.5, -0.25197], [2.0, 0.0]], rtol=1e-4)


@pytest.mark.parametrize("size", [3, 40, 5000])
def test_a_file_that_ends_early_is_refused(folder: Path, tmp_path: Path, size: int) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(written(folder)[:size])
    with pytest.raises(ModelCorrupt, match=r"model\.bin is not a model"):
        Weights.read(path)


def test_another_version_of_the_format_is_refused(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"\x63\0\0\0" + written(folder)[4:])
    with pytest.raises(ModelCorrupt, match="its version is 99"):
        Weights.read(path)
