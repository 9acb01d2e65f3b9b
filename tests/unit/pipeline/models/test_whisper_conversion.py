"""The conversion of a ggml Whisper: which tensor goes where, and what comes from the sibling."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import ModelCorrupt
from pipeline.models.catalog import WhisperConversion
from pipeline.models.ggml import GgmlWhisper
from pipeline.models.whisper_conversion import build_specification, convert_whisper
from tests.unit.pipeline.models.ggml_files import (
    SIZES,
    TOKENS,
    VOCABULARY,
    Tensors,
    ggml_bytes,
    whisper_tensors,
    write_sibling,
)

TENSORS = whisper_tensors()
CONVERSION = WhisperConversion(vocabulary_of="sibling", alignment_heads=((0, 1), (0, 0)))


def _convert(folder: Path, tensors: Tensors = TENSORS) -> Path:
    source, target = folder / "ggml.bin", folder / "made"
    source.write_bytes(ggml_bytes(tensors))
    target.mkdir()
    sibling = folder / "sibling"
    convert_whisper(source, sibling if sibling.is_dir() else write_sibling(sibling), CONVERSION, target)
    return target


def _rows(*names: str) -> np.ndarray:
    return np.concatenate([TENSORS[name] for name in names])


def test_queries_keys_and_values_of_self_attention_become_one_matrix() -> None:
    specification = build_specification(GgmlWhisper(SIZES, TOKENS, TENSORS))
    for side, block in ((specification.encoder, "encoder.blocks.0"), (specification.decoder, "decoder.blocks.0")):
        fused, out = side.layer[0].self_attention.linear
        parts = [f"{block}.attn.{part}" for part in ("query", "key", "value")]
        np.testing.assert_array_equal(fused.weight, _rows(*(f"{part}.weight" for part in parts)))
        np.testing.assert_array_equal(out.weight, TENSORS[f"{block}.attn.out.weight"])
        np.testing.assert_array_equal(side.layer[0].self_attention.layer_norm.gamma, TENSORS[f"{block}.attn_ln.weight"])


def test_keys_have_no_bias() -> None:
    fused = build_specification(GgmlWhisper(SIZES, TOKENS, TENSORS)).encoder.layer[0].self_attention.linear[0]
    np.testing.assert_array_equal(fused.bias[:4], TENSORS["encoder.blocks.0.attn.query.bias"])
    np.testing.assert_array_equal(fused.bias[4:8], np.zeros(4))
    np.testing.assert_array_equal(fused.bias[8:], TENSORS["encoder.blocks.0.attn.value.bias"])


def test_queries_of_cross_attention_stay_apart_from_keys_and_values() -> None:
    query, fused, out = build_specification(GgmlWhisper(SIZES, TOKENS, TENSORS)).decoder.layer[0].attention.linear
    block = "decoder.blocks.0.cross_attn"
    np.testing.assert_array_equal(query.weight, TENSORS[f"{block}.query.weight"])
    np.testing.assert_array_equal(fused.weight, _rows(f"{block}.key.weight", f"{block}.value.weight"))
    np.testing.assert_array_equal(out.bias, TENSORS[f"{block}.out.bias"])


def test_bias_of_a_convolution_is_a_column_in_ggml_only() -> None:
    encoder = build_specification(GgmlWhisper(SIZES, TOKENS, TENSORS)).encoder
    assert encoder.conv1.weight.shape == (4, 2, 3)
    np.testing.assert_array_equal(encoder.conv1.bias, TENSORS["encoder.conv1.bias"][:, 0])


def test_every_tensor_of_the_file_is_used() -> None:
    """Taking one away leaves a hole, and the error names it."""
    for name in TENSORS:
        rest = {other: tensor for other, tensor in TENSORS.items() if other != name}
        with pytest.raises(KeyError, match=name):
            build_specification(GgmlWhisper(SIZES, TOKENS, rest))


def test_directory_holds_model_configuration_vocabulary_and_tokenizer(tmp_path: Path) -> None:
    target = _convert(tmp_path)
    assert sorted(path.name for path in target.iterdir()) == [
        "config.json",
        "model.bin",
        "tokenizer.json",
        "vocabulary.json",
    ]
    assert json.loads((target / "vocabulary.json").read_bytes()) == VOCABULARY
    assert (target / "tokenizer.json").read_bytes() == (tmp_path / "sibling" / "tokenizer.json").read_bytes()


def test_suppressed_tokens_are_the_siblings_and_alignment_heads_the_models_own(tmp_path: Path) -> None:
    assert json.loads((_convert(tmp_path) / "config.json").read_bytes()) == {
        "alignment_heads": [[0, 1], [0, 0]],
        "lang_ids": [4],
        "suppress_ids": [1, 2],
        "suppress_ids_begin": [0],
    }


def test_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = _convert(tmp_path / "one"), _convert(tmp_path / "two")
    assert {path.name: path.read_bytes() for path in one.iterdir()} == {
        path.name: path.read_bytes() for path in two.iterdir()
    }


def test_matrices_are_kept_in_half_precision(tmp_path: Path) -> None:
    content = (_convert(tmp_path) / "model.bin").read_bytes()
    assert TENSORS["decoder.blocks.0.mlp.0.weight"].tobytes() in content


def test_vocabulary_may_be_json(tmp_path: Path) -> None:
    sibling = write_sibling(tmp_path / "sibling")
    (sibling / "vocabulary.txt").unlink()
    (sibling / "vocabulary.json").write_text(json.dumps(VOCABULARY))
    assert json.loads((_convert(tmp_path) / "vocabulary.json").read_bytes()) == VOCABULARY


def test_sibling_with_another_number_of_tokens_is_refused(tmp_path: Path) -> None:
    sibling = write_sibling(tmp_path / "sibling")
    (sibling / "vocabulary.txt").write_text("a\nb\n")
    with pytest.raises(ModelCorrupt, match=r"vocabulary of sibling .*size 2 .*size 6"):
        _convert(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "vocabulary.txt"])
def test_sibling_that_lacks_a_file_is_refused(name: str, tmp_path: Path) -> None:
    (write_sibling(tmp_path / "sibling") / name).unlink()
    with pytest.raises(ModelCorrupt, match=rf"sibling cannot lend its vocabulary: .*{name}"):
        _convert(tmp_path)


def test_file_that_lacks_a_tensor_is_refused(tmp_path: Path) -> None:
    rest = {name: tensor for name, tensor in TENSORS.items() if name != "decoder.ln.bias"}
    with pytest.raises(ModelCorrupt, match=r"no Whisper model: .*decoder\.ln\.bias"):
        _convert(tmp_path, rest)
