"""From a checkpoint of any kind to one safetensors file."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from pipeline.errors import ModelCorrupt
from pipeline.models.checkpoint import read_checkpoint
from pipeline.models.digests import write_atomically


def convert(source: Path, target: Path) -> None:
    """Write the tensors of a checkpoint, or of a safetensors file, to `target`; nothing but tensors is kept.

    Raises:
        ModelCorrupt: the file cannot be read, or holds no tensors.
    """
    tensors = _read_safetensors(source) if source.suffix == ".safetensors" else read_checkpoint(source)
    write_atomically(target, save(tensors))


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load(path.read_bytes())
    except SafetensorError as error:
        message = f"{path.name} is not a safetensors file: {error}"
        raise ModelCorrupt(message) from error
