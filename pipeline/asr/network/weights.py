"""Reads the weights of a model in CTranslate2's format, which that library itself does not give away.

Layout (ctranslate2/specs/model_spec.py, version 6), little-endian: version; name and revision of the specification;
variables; aliases. A text is its length with the closing zero, two bytes, and as many bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelCorrupt
from pipeline.types import FloatArray

_VERSION: Final = 6
_BFLOAT16: Final = 5
_TYPES: Final[Mapping[int, type[np.generic]]] = {
    0: np.float32,
    1: np.int8,
    2: np.int16,
    3: np.int32,
    4: np.float16,
    _BFLOAT16: np.uint16,
}
_SCALE: Final = "_scale"
# Suffix of the name under which the factors of int8 weights lie, one an output: a weight is the integer over it.


class Weights:
    """The variables of one model by name; matrices become float32 when they are asked for."""

    def __init__(self, variables: Mapping[str, NDArray[np.generic]]) -> None:
        self._variables = variables

    @staticmethod
    def read(path: Path) -> Weights:
        """Read `model.bin`.

        Raises `ModelCorrupt` where it is not of this format, or ends early.
        """
        with path.open("rb") as file:
            try:
                return Weights(_read(file))
            except (struct.error, UnicodeDecodeError, KeyError, ValueError) as error:
                message = f"{path.name} is not a model of CTranslate2's that can be read here ({error})"
                raise ModelCorrupt(message) from error

    def __contains__(self, name: object) -> bool:
        return name in self._variables

    def number(self, name: str) -> int:
        """A single number."""
        return int(self._variables[name].item())

    def array(self, name: str) -> FloatArray:
        """Numbers of any shape, whatever they are stored as."""
        stored = self._variables[name]
        factors = self._variables.get(name + _SCALE)
        if factors is None:
            return stored.astype(np.float32)
        rows = factors.astype(np.float32).reshape(-1, *[1] * (stored.ndim - 1))
        return (stored.astype(np.float32) / rows).astype(np.float32)


def _read(file: BinaryIO) -> dict[str, NDArray[np.generic]]:
    version = _number(file, "I")
    if version != _VERSION:
        message = f"its version is {version}"
        raise ValueError(message)
    _text(file)
    _number(file, "I")
    variables = {}
    for _ in range(_number(file, "I")):
        name = _text(file)
        shape, kind, size = (
            [_number(file, "I") for _ in range(_number(file, "B"))],
            _number(file, "B"),
            _number(file, "I"),
        )
        variables[name] = _array(_bytes(file, size), kind).reshape(shape)
    for _ in range(_number(file, "I")):
        alias, name = _text(file), _text(file)
        # Of a matrix that has two names, the factors have one.
        variables |= {alias + end: variables[name + end] for end in ("", _SCALE) if name + end in variables}
    return variables


def _array(stored: bytes, kind: int) -> NDArray[np.generic]:
    content = np.frombuffer(stored, dtype=_TYPES[kind])
    # bfloat16 is the upper half of a float32.
    return (content.astype(np.uint32) << 16).view(np.float32) if kind == _BFLOAT16 else content


def _text(file: BinaryIO) -> str:
    return _bytes(file, _number(file, "H"))[:-1].decode()


def _number(file: BinaryIO, form: str) -> int:
    return int(struct.unpack(f"<{form}", file.read(struct.calcsize(form)))[0])


def _bytes(file: BinaryIO, size: int) -> bytes:
    content = file.read(size)
    if len(content) < size:
        message = "it ends early"
        raise ValueError(message)
    return content
