"""What the layers of encoder and decoder are made of, by CTranslate2's names."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.asr.network.quantized_linear import QuantizedLinear
from pipeline.asr.network.weights import Weights


class Norm:
    """Layer norm over the last dimension."""

    def __init__(self, weights: Weights, name: str) -> None:
        """Raises `KeyError` where weights are missing."""
        self._factors = torch.from_numpy(weights.array(f"{name}/gamma"))
        self._offsets = torch.from_numpy(weights.array(f"{name}/beta"))

    def __call__(self, rows: Tensor) -> Tensor:
        """Take in (…, width); gives the same shape."""
        return functional.layer_norm(rows, self._factors.shape, self._factors, self._offsets)


class FeedForward:
    """Norm, a wider layer, GELU, and back."""

    def __init__(self, weights: Weights, name: str) -> None:
        """Raises `KeyError` where weights are missing."""
        self._norm = Norm(weights, f"{name}/layer_norm")
        self._widen = linear(weights, f"{name}/linear_0")
        self._narrow = linear(weights, f"{name}/linear_1")

    def __call__(self, rows: Tensor) -> Tensor:
        """Take in (rows, width); gives the same shape."""
        return self._narrow(functional.gelu(self._widen(self._norm(rows))))


def linear(weights: Weights, name: str) -> QuantizedLinear:
    """A product with the weights of that name, with its bias where there is one.

    Raises `KeyError` where there are none.
    """
    bias = f"{name}/bias"
    return QuantizedLinear(
        torch.from_numpy(weights.array(f"{name}/weight")),
        torch.from_numpy(weights.array(bias)) if bias in weights else None,
    )


def has_any(weights: Weights, part: str, *names: str) -> bool:
    """Whether a part of the network has something that CTranslate2 has for other models than Whisper."""
    return any(f"{part}/{name}" in weights and weights.number(f"{part}/{name}") for name in names)
