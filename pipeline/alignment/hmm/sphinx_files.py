"""The files of a Sphinx acoustic model (phonetically tied mixtures), as the package `pocketsphinx` carries one.

Little-endian throughout. Format: what github.com/cmusphinx/pocketsphinx reads.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from pipeline.errors import ModelCorrupt
from pipeline.types import FloatArray

_ORDER_MARK: Final = 0x11223344
_END_OF_HEADER: Final = b"endhdr\n"
_DEFINITION_MARK: Final = b"BMDF"
_WEIGHT_STEP: Final = 1024 * math.log(1.0001)
# Mixture weights are kept as multiples of this: negative natural logarithms.
_PHONE: Final = np.dtype([("senones", "<i4"), ("transitions", "<i4"), ("context", "u1", 4)])


@dataclass(frozen=True, slots=True)
class ModelDefinition:
    """Which states a phone has in which context."""

    names: tuple[str, ...]
    """Of the base phones; their numbers are indices into this."""
    senones: npt.NDArray[np.int64]
    """Number of the distribution of each state, (phones, states); base phones first, then triphones."""
    transitions: npt.NDArray[np.int64]
    """Number of the transition matrix, (phones,)."""
    contexts: npt.NDArray[np.int64]
    """Position in the word (0 inside, 1 first, 2 last, 3 alone), phone, phone before, phone after: (triphones, 4)."""


def read_gaussians(path: Path) -> FloatArray:
    """Means or variances, (codebooks, streams, densities, dimensions)."""
    with _reading(path):
        data, place = _after_header(path)
        codebooks, streams, densities = _sizes(data, place, 3)
        *dimensions, total = _sizes(data, place + 12, streams + 1)
        if len(set(dimensions)) > 1:
            raise ValueError
        values = np.frombuffer(data, "<f4", total, place + 16 + 4 * streams)
        return values.reshape(codebooks, streams, densities, dimensions[0])


def read_transitions(path: Path) -> FloatArray:
    """Transition counts of every phone, (matrices, states, states + 1): to itself or a later state, or out."""
    with _reading(path):
        data, place = _after_header(path)
        matrices, states, targets, total = _sizes(data, place, 4)
        return np.frombuffer(data, "<f4", total, place + 16).reshape(matrices, states, targets)


def read_weights(path: Path, streams: int, senones: int) -> tuple[npt.NDArray[np.uint8], FloatArray]:
    """Mixture weights as codes, (streams, densities, senones), and the weight that each of the 256 codes stands for."""
    with _reading(path):
        data, place = path.read_bytes(), 0
        while length := struct.unpack_from("<i", data, place)[0]:  # a title and remarks, each with its length before it
            place += 4 + abs(length)
        densities, columns = _sizes(data, place + 4, 2)
        codes = np.frombuffer(data, np.uint8, streams * densities * columns, place + 12)
        if columns < senones:
            raise ValueError
        weights = np.exp(-_WEIGHT_STEP * np.arange(256)).astype(np.float32)
        return codes.reshape(streams, densities, columns)[:, :, :senones], weights


def read_definition(path: Path) -> ModelDefinition:
    """Phones and triphones with their states."""
    with _reading(path):
        data = path.read_bytes()
        if not data.startswith(_DEFINITION_MARK):
            raise ValueError
        place = 12 + _sizes(data, 8, 1)[0]
        bases, phones, states, _, _, _, sequences, _, branches, _ = _sizes(data, place, 10)
        place += 40
        first = place
        names = []
        for _ in range(bases):
            end = data.index(b"\0", place)
            names.append(data[place:end].decode("ascii"))
            place = end + 1
        place = first + (place - first + 3) // 4 * 4 + 8 * branches  # the tree that finds triphones: a table does here
        table = np.frombuffer(data, _PHONE, phones, place)
        place += table.nbytes + 4
        distributions = np.frombuffer(data, "<u2", sequences * states, place).reshape(sequences, states)
        return ModelDefinition(
            names=tuple(names),
            senones=distributions[table["senones"]].astype(np.int64),
            transitions=table["transitions"].astype(np.int64),
            contexts=table["context"][bases:].astype(np.int64),
        )


def _after_header(path: Path) -> tuple[bytes, int]:
    """An "s3" file, and where its data begin."""
    data = path.read_bytes()
    place = data.index(_END_OF_HEADER) + len(_END_OF_HEADER)
    if struct.unpack_from("<I", data, place)[0] != _ORDER_MARK:
        raise ValueError
    return data, place + 4


def _sizes(data: bytes, place: int, count: int) -> tuple[int, ...]:
    sizes = struct.unpack_from(f"<{count}i", data, place)
    if min(sizes) < 1:
        raise ValueError
    return sizes


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say which file is not what it should be."""
    try:
        yield
    except (FileNotFoundError, ValueError, IndexError, OverflowError, struct.error) as error:
        message = (
            f"the acoustic model for word times cannot be read: {path.name}: it is damaged; reinstall pocketsphinx"
        )
        raise ModelCorrupt(message) from error
