"""Small Whisper models in ggml, and a directory that lends them a vocabulary."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.models.ggml import MAGIC, Sizes

Tensors = Mapping[str, npt.NDArray[Any]]

SIZES = Sizes(
    vocabulary=6,
    audio_context=5,
    audio_state=4,
    audio_heads=2,
    audio_layers=1,
    text_context=3,
    text_state=4,
    text_heads=2,
    text_layers=1,
    mels=2,
    type=1,
)
TOKENS = (b"a", b" b", b"\xc3\xa9", b"<|endoftext|>")
VOCABULARY = ["a", "Ġb", "Ã©", "<|endoftext|>", "<|startoftranscript|>", "<|0.00|>"]
SIBLING_FILES: Mapping[str, bytes] = {
    "config.json": json.dumps(
        {"suppress_ids": [1, 2], "suppress_ids_begin": [0], "lang_ids": [4], "alignment_heads": [[0, 1]]}
    ).encode(),
    "tokenizer.json": b'{"version": "1.0"}',
    "vocabulary.txt": "".join(f"{token}\n" for token in VOCABULARY).encode(),
}


def whisper_tensors() -> dict[str, npt.NDArray[Any]]:
    """The tensors of a Whisper with one layer a side: matrices as float16, everything else as float32."""
    generator = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "encoder.conv1.weight": (4, 2, 3),
        "encoder.conv1.bias": (4, 1),
        "encoder.conv2.weight": (4, 4, 3),
        "encoder.conv2.bias": (4, 1),
        "encoder.positional_embedding": (5, 4),
        "decoder.positional_embedding": (3, 4),
        "decoder.token_embedding.weight": (6, 4),
    }
    norms = ["encoder.ln_post", "decoder.ln"]
    for block, attentions in (("encoder.blocks.0", ["attn"]), ("decoder.blocks.0", ["attn", "cross_attn"])):
        norms += [f"{block}.mlp_ln", *(f"{block}.{attention}_ln" for attention in attentions)]
        shapes |= {f"{block}.mlp.0.weight": (16, 4), f"{block}.mlp.0.bias": (16,)}
        shapes |= {f"{block}.mlp.2.weight": (4, 16), f"{block}.mlp.2.bias": (4,)}
        for part in (f"{block}.{attention}.{part}" for attention in attentions for part in ("query", "value", "out")):
            shapes |= {f"{part}.weight": (4, 4), f"{part}.bias": (4,)}
        shapes |= {f"{block}.{attention}.key.weight": (4, 4) for attention in attentions}
    shapes |= {f"{norm}.{part}": (4,) for norm in norms for part in ("weight", "bias")}
    return {
        name: generator.normal(size=shape).astype(np.float16 if shape[-1] > 1 and len(shape) > 1 else np.float32)
        for name, shape in shapes.items()
    }


def ggml_bytes(tensors: Tensors, sizes: Sizes = SIZES, tokens: tuple[bytes, ...] = TOKENS) -> bytes:
    """A ggml file."""
    content = struct.pack("<12i", MAGIC, *astuple(sizes))
    content += struct.pack("<2i", 2, 3) + bytes(4 * 2 * 3)  # mel filters
    content += struct.pack("<i", len(tokens)) + b"".join(struct.pack("<i", len(token)) + token for token in tokens)
    for name, tensor in tensors.items():
        kind = {"float32": 0, "float16": 1}[tensor.dtype.name]
        content += struct.pack("<3i", tensor.ndim, len(name), kind)
        content += struct.pack(f"<{tensor.ndim}i", *tensor.shape[::-1]) + name.encode() + tensor.tobytes()
    return content


def write_sibling(folder: Path) -> Path:
    """The directory of a model with the same vocabulary."""
    folder.mkdir(parents=True)
    for name, content in SIBLING_FILES.items():
        (folder / name).write_bytes(content)
    return folder
