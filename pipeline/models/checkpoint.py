"""Tensors out of a torch checkpoint without running anything that it says.

A checkpoint is a zip archive: `data.pkl` is a pickle that describes objects, and `data/KEY` are the raw numbers of
its tensors. A pickle may name any function and have it called. Here the few names that tensors are made of are
answered by functions of this module, and every other name by a class that ignores whatever is done to it. So
Lightning checkpoints, which mention classes of packages that are not installed, are read as well, and no class but
`OrderedDict` is ever looked up. `torch.load(weights_only=True)` reads neither, and was broken open twice.
"""

from __future__ import annotations

import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch

from pipeline.errors import ModelCorrupt

DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
"""Element types by the class that a pickle names for them."""


def read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """Read the state dict of a checkpoint: the mapping under `state_dict`, or the checkpoint itself.

    Returns contiguous CPU tensors that share no memory.

    Raises:
        ModelCorrupt: the file is no torch checkpoint, or holds something other than tensors where they belong.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            content = _read(archive)
    except Exception as error:  # a hostile pickle can make the reader raise anything
        message = f"{path.name} is not a checkpoint that can be read safely: {error}"
        raise ModelCorrupt(message) from error
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, Mapping) or not state:
        message = f"{path.name} holds no state dict"
        raise ModelCorrupt(message)
    strange = [key for key, value in state.items() if not (isinstance(key, str) and isinstance(value, torch.Tensor))]
    if strange:
        message = f"{path.name} holds something other than tensors: {', '.join(map(repr, strange[:3]))}"
        raise ModelCorrupt(message)
    return dict(state)


@dataclass(frozen=True)
class _StorageType:
    """Stands for one of torch's storage classes."""

    dtype: torch.dtype


class _Ignored:
    """Stands for every class and function that is not known: takes any call, item and state, and keeps nothing."""

    def __new__(cls, *_args: object, **_kwargs: object) -> Self:
        return object.__new__(cls)

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        pass

    def __call__(self, *_args: object, **_kwargs: object) -> _Ignored:
        return self

    def __setstate__(self, _state: object) -> None:
        pass

    def __setitem__(self, _key: object, _value: object) -> None:
        pass

    def append(self, _item: object) -> None:
        """Ignore an item."""

    def extend(self, _items: object) -> None:
        """Ignore items."""


class _Reader(pickle.Unpickler):
    """An unpickler that looks nothing up."""

    def __init__(self, archive: zipfile.ZipFile, pickled: str) -> None:
        super().__init__(archive.open(pickled), encoding="utf-8")
        self._archive = archive
        self._root = pickled.removesuffix("data.pkl")

    def find_class(self, module: str, name: str) -> Callable[..., Any] | _StorageType:
        """Answer a name by what stands for it here."""
        if module == "torch" and name in DTYPES:
            return _StorageType(DTYPES[name])
        known: dict[tuple[str, str], Callable[..., Any]] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): lambda *given: _tensor(*given[:4]),
            ("torch._utils", "_rebuild_parameter"): lambda data, *_rest: data,
        }
        return known.get((module, name), _Ignored)

    def persistent_load(self, pid: Any) -> torch.Tensor:  # noqa: ANN401 - whatever the pickle says
        """Read the numbers of one storage: `("storage", type, key, device, count)`."""
        _, kind, key, _, count = pid
        entry = self._archive.getinfo(f"{self._root}data/{key}")
        expected = count * kind.dtype.itemsize
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != expected:
            message = f"storage {key} should have {expected} plain bytes"
            raise pickle.UnpicklingError(message)
        if count == 0:
            return torch.empty(0, dtype=kind.dtype)
        return torch.frombuffer(bytearray(self._archive.read(entry)), dtype=kind.dtype)


def _read(archive: zipfile.ZipFile) -> object:
    names = archive.namelist()
    pickled = [name for name in names if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(pickled) != 1:
        message = "it is no archive written by torch.save (1.6 or later)"
        raise pickle.UnpicklingError(message)
    order = pickled[0].replace("data.pkl", "byteorder")
    if order in names and archive.read(order) != b"little":
        message = "it was written on a big-endian machine"
        raise pickle.UnpicklingError(message)
    return _Reader(archive, pickled[0]).load()


def _tensor(storage: torch.Tensor, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> torch.Tensor:
    """Lay a tensor over its storage, and copy it out."""
    if math.prod(shape) > storage.numel():  # strides of 0 would let a few bytes ask for any amount of memory
        message = f"a tensor of shape {shape} is larger than its storage"
        raise pickle.UnpicklingError(message)
    return torch.as_strided(storage, shape, stride, offset).clone(memory_format=torch.contiguous_format)
