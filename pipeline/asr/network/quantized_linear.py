"""A matrix product in 8-bit integers whose weights are laid out once: FBGEMM, as torch has it on x86."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch
from torch import Tensor

_ENGINE: Final = "fbgemm"
_LARGEST: Final = 63
# Inputs take 7 bits: without the newest processors' instructions, products of 8 bits are cut off where they are large,
# and a text would depend on the processor.
_ZERO: Final = 64
_LARGEST_WEIGHT: Final = 127
_TINY: Final = 1e-12


def available() -> bool:
    """Whether this processor's torch has the product."""
    return _ENGINE in torch.backends.quantized.supported_engines


_setting: Final = threading.Lock()


@contextmanager
def _engine() -> Iterator[None]:
    """Weights are laid out for the engine that is set for the process; what was set before is set again."""
    with _setting:
        before = torch.backends.quantized.engine
        torch.backends.quantized.engine = _ENGINE
        try:
            yield
        finally:
            torch.backends.quantized.engine = before


class QuantizedLinear:
    """x -> x W^T + b in 8-bit integers, W by one scale a row, x by one scale a row.

    CTranslate2 lays the weights out anew for every product, whatever the number of rows: of Whisper tiny's 51,864
    outputs for one row that takes 7 of 8 ms. A row's result does not depend on the other rows.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        """`weight`: (outputs, inputs), float32; `bias`: (outputs,)."""
        scales = weight.abs().amax(1).clamp_min(_TINY) / _LARGEST_WEIGHT
        with warnings.catch_warnings():
            # torch announces that these tensors will move to another package; the releases that we allow have them.
            warnings.simplefilter("ignore")
            zeros = torch.zeros(len(weight), dtype=torch.long)
            integers = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
            with _engine():
                self._packed = torch.ops.quantized.linear_prepack(integers, None)
        self._bias = bias

    def __call__(self, rows: Tensor) -> Tensor:
        """Multiply `rows`, (rows, inputs), float32; gives (rows, outputs)."""
        highest, lowest = rows.amax(1, keepdim=True), rows.amin(1, keepdim=True)  # half the time of abs()
        largest = torch.maximum(highest, lowest.neg_()).clamp_min_(_TINY)
        product: Tensor = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(
            rows / largest, 1 / _LARGEST, _ZERO, self._packed
        )
        return product.mul_(largest) if self._bias is None else torch.addcmul(self._bias, product, largest, out=product)
