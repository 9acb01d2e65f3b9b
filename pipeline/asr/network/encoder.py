"""Whisper's encoder on a CPU, one chunk at a time.

Radford et al. 2022: two convolutions, of which the second halves the frames, sinusoids for the places, then layers of
self-attention and a feed-forward network, each with its norm before and its input added after.
"""

from __future__ import annotations

from itertools import product
from math import ceil
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.asr.network.layers import FeedForward, Norm, has_any, linear
from pipeline.asr.network.weights import Weights

_ROWS: Final = 256
# Frames that go through the products at once, so that what lies between two of them stays in the caches.
_QUERIES: Final = 256
# Frames of one head that attend at once, at most, likewise.
_OTHERS: Final = ("alibi", "layernorm_embedding")


class WhisperEncoder:
    """The network. Holds no state; may be shared between threads."""

    def __init__(self, weights: Weights, dtype: torch.dtype = torch.float32) -> None:
        """`dtype`: that of convolutions and attention; bfloat16 saves time where the processor multiplies it itself.

        Raises `KeyError` where weights are missing; see `is_whisper` for what else may differ.
        """
        self._dtype = dtype
        self._convolutions = [
            tuple(torch.from_numpy(weights.array(f"encoder/{name}/{kind}")).to(dtype) for kind in ("weight", "bias"))
            for name in ("conv1", "conv2")
        ]
        self._positions = torch.from_numpy(weights.array("encoder/position_encodings/encodings"))
        self._layers: list[_Layer] = []
        while f"encoder/layer_{len(self._layers)}/ffn/linear_0/weight" in weights:
            self._layers.append(_Layer(weights, f"encoder/layer_{len(self._layers)}", dtype))
        self._norm = Norm(weights, "encoder/layer_norm")

    @staticmethod
    def is_whisper(weights: Weights) -> bool:
        """Whether this is the encoder that is computed here, with none of what CTranslate2 has for other models."""
        return "encoder/conv1/weight" in weights and not has_any(weights, "encoder", *_OTHERS)

    @torch.inference_mode()
    def __call__(self, mel: Tensor) -> Tensor:
        """Encode a log-mel spectrogram, (mels, frames), float32; gives (frames / 2, rounded up, width), float32.

        Raises `RuntimeError` where there are more frames than the network has places for (3,000).
        """
        (first, first_bias), (second, second_bias) = self._convolutions
        heard = functional.gelu(functional.conv1d(mel[None].to(self._dtype), first, first_bias, padding=1))
        heard = functional.gelu(functional.conv1d(heard, second, second_bias, stride=2, padding=1))
        x = heard[0].t().float() + self._positions[: heard.shape[2]]
        for layer in self._layers:
            layer(x)
        return self._norm(x)


class _Layer:
    def __init__(self, weights: Weights, name: str, dtype: torch.dtype) -> None:
        self._heads = weights.number("encoder/num_heads")
        self._dtype = dtype
        self._norm = Norm(weights, f"{name}/self_attention/layer_norm")
        self._input = linear(weights, f"{name}/self_attention/linear_0")
        self._output = linear(weights, f"{name}/self_attention/linear_1")
        self._feed_forward = FeedForward(weights, f"{name}/ffn")

    def __call__(self, x: Tensor) -> None:
        """Let the layer change `x`, (frames, width), in place."""
        frames, width = x.shape
        parts = torch.empty(3, self._heads, frames, width // self._heads, dtype=self._dtype)
        for start in range(0, frames, _ROWS):
            rows = self._input(self._norm(x[start : start + _ROWS]))
            parts[:, :, start : start + _ROWS] = rows.view(len(rows), 3, self._heads, -1).permute(1, 2, 0, 3)
        attended = _attended(*parts)
        for start in range(0, frames, _ROWS):
            rows = x[start : start + _ROWS]
            rows += self._output(attended[:, start : start + _ROWS].transpose(0, 1).flatten(1).float())
            rows += self._feed_forward(rows)


def _attended(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attention of every frame to all, (heads, frames, size) each; gives the same shape.

    In bfloat16 torch's fused attention is no faster than in float32; products of one head after the other are.
    """
    if queries.dtype == torch.float32:
        return functional.scaled_dot_product_attention(queries[None], keys[None], values[None])[0]
    queries = queries * queries.shape[2] ** -0.5
    attended = torch.empty_like(values)
    frames = queries.shape[1]
    together = ceil(frames / ceil(frames / _QUERIES))
    # The last ones overlap those before, as oneDNN keeps a plan for each number of frames (0.6 MB).
    firsts = [min(first, frames - together) for first in range(0, frames, together)]
    for head, first in product(range(len(queries)), firsts):
        some = slice(first, first + together)
        shares = (queries[head, some] @ keys[head].t()).softmax(1)
        torch.mm(shares, values[head], out=attended[head, some])
    return attended
