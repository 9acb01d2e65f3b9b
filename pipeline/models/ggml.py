"""The ggml files of whisper.cpp: sizes, tokens and tensors of a Whisper model, little-endian, in one stream.

Layout: magic, 11 int32 of sizes, mel filters (2 int32, then float32), tokens (count, then length and bytes each), and
to the end of the file tensors: number of dimensions, length of the name, type, dimensions from the innermost, name,
data. Source: `convert-pt-to-ggml.py` of https://github.com/ggml-org/whisper.cpp. Tensors have OpenAI's names.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from pipeline.errors import ModelCorrupt

MAGIC = 0x67676D6C
MAX_DIMENSIONS = 4
TYPES: Mapping[int, str] = {0: "<f4", 1: "<f2"}
"""Of a tensor's numbers. The quantized types of ggml are not read."""


@dataclass(frozen=True)
class Sizes:
    """The sizes of a Whisper model, in the order in which ggml has them."""

    vocabulary: int
    audio_context: int
    """Encoder frames."""
    audio_state: int
    audio_heads: int
    audio_layers: int
    text_context: int
    text_state: int
    text_heads: int
    text_layers: int
    mels: int
    type: int


@dataclass(frozen=True)
class GgmlWhisper:
    """What a ggml file holds."""

    sizes: Sizes
    tokens: tuple[bytes, ...]
    """Text of the tokens by id, without those that are special."""
    tensors: Mapping[str, npt.NDArray[Any]]
    """By OpenAI's names, in their shapes, float32 or float16."""


def read_ggml(path: Path) -> GgmlWhisper:
    """Read a ggml file of a Whisper model.

    Raises:
        ModelCorrupt: it is cut short, no such file, or of quantized tensors.
    """
    with path.open("rb") as stream:
        if _integers(stream, 1) != (MAGIC,):
            message = f"{path.name} is not a ggml file"
            raise ModelCorrupt(message)
        sizes = Sizes(*_integers(stream, 11))
        if min(astuple(sizes)[:-1]) < 1:
            message = f"{path.name} has impossible sizes: {sizes}"
            raise ModelCorrupt(message)
        _read(stream, 4 * prod(_integers(stream, 2)))  # mel filters, which the recognizer has its own of
        tokens = tuple(_read(stream, _integers(stream, 1)[0]) for _ in range(_integers(stream, 1)[0]))
        return GgmlWhisper(sizes, tokens, _tensors(stream))


def _tensors(stream: BinaryIO) -> dict[str, npt.NDArray[Any]]:
    tensors: dict[str, npt.NDArray[Any]] = {}
    while head := stream.read(12):
        dimensions, length, kind = struct.unpack("<3i", head) if len(head) == 12 else (0, 0, 0)  # noqa: PLR2004 - bytes
        if not 1 <= dimensions <= MAX_DIMENSIONS or kind not in TYPES:
            message = f"ggml tensor {len(tensors)} has {dimensions} dimensions and type {kind}; read are f32 and f16"
            raise ModelCorrupt(message)
        shape = _integers(stream, dimensions)[::-1]
        name = _read(stream, length).decode("utf-8", errors="replace")
        numbers = np.dtype(TYPES[kind])
        tensors[name] = np.frombuffer(_read(stream, prod(shape) * numbers.itemsize), numbers).reshape(shape)
    return tensors


def _integers(stream: BinaryIO, count: int) -> tuple[int, ...]:
    return struct.unpack(f"<{count}i", _read(stream, 4 * count))


def _read(stream: BinaryIO, count: int) -> bytes:
    content = stream.read(count) if count >= 0 else b""
    if len(content) != count:
        message = f"ggml file ends early, or is damaged: {count} bytes wanted, {len(content)} found"
        raise ModelCorrupt(message)
    return content
