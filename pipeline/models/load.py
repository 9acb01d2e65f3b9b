"""Weights into memory, once they have proved to be what the store kept."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load

from pipeline.errors import ModelCorrupt
from pipeline.models.manifest import Manifest


def load_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read a safetensors file that `ModelStore.path` gave: tensors by name, on the CPU.

    The bytes that are parsed are the bytes whose digest was checked: the file is read once.

    Raises:
        ModelCorrupt: the file has no record beside it, differs from it, or is no safetensors file.
    """
    manifest = Manifest.read(path.parent)
    if manifest is None or path.name not in manifest.files:
        message = f"{path} has no record beside it that says what its digest should be"
        raise ModelCorrupt(message)
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != manifest.files[path.name]:
        message = f"{path} has sha256 {found[:12]}…, not {manifest.files[path.name][:12]}…"
        raise ModelCorrupt(message)
    try:
        return load(content)
    except SafetensorError as error:
        message = f"{path} is not a safetensors file: {error}"
        raise ModelCorrupt(message) from error
