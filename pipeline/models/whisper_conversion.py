"""From whisper.cpp's ggml file to a CTranslate2 Whisper directory.

OpenAI's tensor names (https://github.com/openai/whisper, `model.py`) are mapped to CTranslate2's specification
(`ctranslate2.specs.WhisperSpec`), which has queries, keys and values of self-attention in one matrix, and keys and
values of cross-attention in another. Numbers are kept in half precision, as they were published; CTranslate2 turns
them into int8 while it loads where that is wanted. The same file gives the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ctranslate2.specs import WhisperSpec

from pipeline.errors import ModelCorrupt
from pipeline.models.catalog import WhisperConversion
from pipeline.models.ggml import GgmlWhisper, read_ggml

TOKENIZER = "tokenizer.json"
CONFIG = "config.json"

Array = npt.NDArray[np.float32]
Layer = Any
"""A part of a specification. CTranslate2 ships no types."""


def convert_whisper(source: Path, sibling: Path, conversion: WhisperConversion, target: Path) -> None:
    """Write model, configuration, vocabulary and tokenizer to the empty directory `target`.

    `sibling` is the CTranslate2 directory of a model with the same vocabulary.

    Raises:
        ModelCorrupt: the file is no Whisper model in ggml, or the sibling has another vocabulary or lacks files.
    """
    model = read_ggml(source)
    try:
        config = json.loads((sibling / CONFIG).read_bytes())
        vocabulary = _vocabulary(sibling)
        shutil.copyfile(sibling / TOKENIZER, target / TOKENIZER)
    except (FileNotFoundError, ValueError) as error:
        message = f"{conversion.vocabulary_of} cannot lend its vocabulary: {error}"
        raise ModelCorrupt(message) from error
    try:
        specification = build_specification(model)
        specification.register_vocabulary(vocabulary)
        specification.validate()
    except (KeyError, ValueError) as error:
        message = f"{source.name} with the vocabulary of {conversion.vocabulary_of} is no Whisper model: {error}"
        raise ModelCorrupt(message) from error
    specification.config.suppress_ids = config["suppress_ids"]
    specification.config.suppress_ids_begin = config["suppress_ids_begin"]
    specification.config.lang_ids = config["lang_ids"]
    specification.config.alignment_heads = [list(head) for head in conversion.alignment_heads]
    specification.optimize(quantization="float16")
    specification.save(str(target))


def build_specification(model: GgmlWhisper) -> Layer:
    """CTranslate2's specification, filled with the tensors of a model.

    Raises:
        KeyError: one is missing.
    """
    sizes = model.sizes
    tensors = {name: np.asarray(tensor, np.float32) for name, tensor in model.tensors.items()}
    specification = WhisperSpec(sizes.audio_layers, sizes.audio_heads, sizes.text_layers, sizes.text_heads)
    encoder, decoder = specification.encoder, specification.decoder
    for name in ("conv1", "conv2"):
        convolution = getattr(encoder, name)
        convolution.weight = tensors[f"encoder.{name}.weight"]  # (out, in, width)
        convolution.bias = tensors[f"encoder.{name}.bias"].reshape(-1)  # ggml keeps it as a column
    _set_norm(encoder.layer_norm, tensors, "encoder.ln_post")
    _set_norm(decoder.layer_norm, tensors, "decoder.ln")
    decoder.embeddings.weight = decoder.projection.weight = tensors["decoder.token_embedding.weight"]
    for name, side in (("encoder", encoder), ("decoder", decoder)):
        side.position_encodings.encodings = tensors[f"{name}.positional_embedding"]
        for index, layer in enumerate(side.layer):
            _set_block(layer, tensors, f"{name}.blocks.{index}")
    return specification


def _set_block(layer: Layer, tensors: Mapping[str, Array], name: str) -> None:
    _set_norm(layer.self_attention.layer_norm, tensors, f"{name}.attn_ln")
    fused, out = layer.self_attention.linear
    _set_linear(fused, tensors, *(f"{name}.attn.{part}" for part in ("query", "key", "value")))
    _set_linear(out, tensors, f"{name}.attn.out")
    if name.startswith("decoder"):
        _set_norm(layer.attention.layer_norm, tensors, f"{name}.cross_attn_ln")
        query, fused, out = layer.attention.linear
        _set_linear(query, tensors, f"{name}.cross_attn.query")
        _set_linear(fused, tensors, f"{name}.cross_attn.key", f"{name}.cross_attn.value")
        _set_linear(out, tensors, f"{name}.cross_attn.out")
    _set_norm(layer.ffn.layer_norm, tensors, f"{name}.mlp_ln")
    _set_linear(layer.ffn.linear_0, tensors, f"{name}.mlp.0")
    _set_linear(layer.ffn.linear_1, tensors, f"{name}.mlp.2")


def _set_norm(norm: Layer, tensors: Mapping[str, Array], name: str) -> None:
    norm.gamma = tensors[f"{name}.weight"]
    norm.beta = tensors[f"{name}.bias"]


def _set_linear(linear: Layer, tensors: Mapping[str, Array], *names: str) -> None:
    """One matrix out of several, one below the other; Whisper's keys are the only ones without a bias."""
    weights = [tensors[f"{name}.weight"] for name in names]
    biases = [
        np.zeros(len(weight), np.float32) if name.endswith(".key") else tensors[f"{name}.bias"]
        for name, weight in zip(names, weights, strict=True)
    ]
    linear.weight = np.concatenate(weights)  # (out, in)
    linear.bias = np.concatenate(biases)


def _vocabulary(folder: Path) -> list[str]:
    """Tokens by id, from either of the two files that CTranslate2 writes."""
    if (folder / "vocabulary.json").is_file():
        return [str(token) for token in json.loads((folder / "vocabulary.json").read_bytes())]
    return (folder / "vocabulary.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
