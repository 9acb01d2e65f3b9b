"""Batch norms, which in a trained network only scale and shift, folded into the convolutions before them."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold(owner: nn.Module, convolution: str, norm: str) -> None:
    """Let a convolution do what the batch norm right after it does; both are given as paths from their owner.

    In evaluation mode only: the running statistics are taken as they stand.
    """
    before = cast("nn.Conv1d | nn.Conv2d", owner.get_submodule(convolution))
    after = cast("nn.BatchNorm1d | nn.BatchNorm2d", owner.get_submodule(norm))
    owner.set_submodule(convolution, fuse_conv_bn_eval(before, after))
    owner.set_submodule(norm, nn.Identity())


class ScaleShift(nn.Module):
    """A batch norm that no convolution comes before: one multiplication and one addition a value."""

    scale: Tensor
    shift: Tensor

    def __init__(self, norm: nn.BatchNorm1d) -> None:
        super().__init__()
        if norm.running_mean is None or norm.running_var is None:
            message = "only a batch norm with running statistics can be folded"
            raise ValueError(message)
        scale = (norm.running_var + norm.eps).rsqrt()
        scale = scale * norm.weight if norm.affine else scale
        shift = -norm.running_mean * scale
        self.register_buffer("scale", scale.detach())
        self.register_buffer("shift", (shift + norm.bias if norm.affine else shift).detach())

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., channels) -> the same shape."""
        return torch.addcmul(self.shift, inputs, self.scale)
