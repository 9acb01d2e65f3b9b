"""ECAPA-TDNN with 1,024 channels.

Source: Desplanques et al., "ECAPA-TDNN: emphasized channel attention, propagation and aggregation in TDNN based speaker
verification", Interspeech 2020; weights: SpeechBrain `spkrec-ecapa-voxceleb`. Module names are the checkpoint's.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.embedding.folding import ScaleShift
from pipeline.features import speechbrain_fbank

CHANNELS = 1024
RES2_SCALE = 8
ATTENTION = 128
POOLED = 3 * CHANNELS


class Convolution(nn.Module):
    """Convolution over frames that keeps their number, reflecting at the ends; channels lie side by side.

    One matrix product: on a CPU it takes a third of the time of torch's convolution.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, dilation=dilation)
        self.kernel, self.dilation = kernel, dilation

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, time, inputs) -> (batch, time, outputs)."""
        if self.kernel > 1:
            inputs = self._neighbours(inputs)
        # (outputs, taps x inputs), as the neighbours lie
        return functional.linear(inputs, self.conv.weight.transpose(1, 2).flatten(1), self.conv.bias)

    def _neighbours(self, inputs: Tensor) -> Tensor:
        """Each frame beside those that its output is made of: (batch, time, taps x inputs)."""
        time, reach = inputs.shape[1], self.dilation * (self.kernel - 1) // 2
        positions = torch.arange(-reach, time + reach, device=inputs.device).abs()
        reflected = inputs[:, torch.minimum(positions, 2 * (time - 1) - positions)]
        return torch.cat([reflected[:, tap * self.dilation :][:, :time] for tap in range(self.kernel)], dim=2)


class Norm(nn.Module):
    """Batch norm under the checkpoint's name."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm: nn.Module = nn.BatchNorm1d(channels)

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., channels) -> the same shape."""
        outputs: Tensor = self.norm(inputs.flatten(0, -2)).view(inputs.shape)
        return outputs


class Tdnn(nn.Module):
    """Convolution, ReLU, batch norm."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv = Convolution(inputs, outputs, kernel, dilation)
        self.norm = Norm(outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, time, inputs) -> (batch, time, outputs)."""
        outputs: Tensor = self.norm(functional.relu(self.conv(inputs)))
        return outputs


class Res2Net(nn.Module):
    """Groups of channels, each convolved together with the result of the one before."""

    def __init__(self, kernel: int, dilation: int) -> None:
        super().__init__()
        width = CHANNELS // RES2_SCALE
        self.blocks = nn.ModuleList([Tdnn(width, width, kernel, dilation) for _ in range(RES2_SCALE - 1)])

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, time, channels) -> the same shape."""
        first, *rest = inputs.chunk(RES2_SCALE, dim=2)
        outputs = [first]
        for number, (block, group) in enumerate(zip(self.blocks, rest, strict=True)):
            outputs.append(block(group if number == 0 else group + outputs[-1]))
        return torch.cat(outputs, dim=2)


class SqueezeExcitation(nn.Module):
    """Scale each channel by what the whole stretch sounds like."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = Convolution(CHANNELS, ATTENTION, 1)
        self.conv2 = Convolution(ATTENTION, CHANNELS, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, time, channels) -> the same shape."""
        gates = self.conv2(functional.relu(self.conv1(inputs.mean(dim=1, keepdim=True))))
        return torch.sigmoid(gates) * inputs


class SeRes2Block(nn.Module):
    """One of the three blocks, with its residual connection."""

    def __init__(self, kernel: int, dilation: int) -> None:
        super().__init__()
        self.tdnn1 = Tdnn(CHANNELS, CHANNELS, 1)
        self.res2net_block = Res2Net(kernel, dilation)
        self.tdnn2 = Tdnn(CHANNELS, CHANNELS, 1)
        self.se_block = SqueezeExcitation()

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, time, channels) -> the same shape."""
        outputs: Tensor = self.se_block(self.tdnn2(self.res2net_block(self.tdnn1(inputs))))
        return outputs + inputs


class AttentiveStatistics(nn.Module):
    """Mean and deviation over time, every channel with weights of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.tdnn = Tdnn(3 * POOLED, ATTENTION, 1)
        self.conv = Convolution(ATTENTION, POOLED, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """(time, channels) -> (2 channels,)."""
        # The weights look at each frame beside mean and deviation of all: those are the same for every frame.
        of_frame, of_all = torch.split(self.tdnn.conv.conv.weight[..., 0], [POOLED, 2 * POOLED], dim=1)
        constant = functional.linear(_statistics(inputs, inputs.square()), of_all, self.tdnn.conv.conv.bias)
        hidden = self.tdnn.norm(functional.relu(torch.addmm(constant, inputs, of_frame.T)))
        scores = self.conv(torch.tanh(hidden))
        shares = torch.exp(scores - scores.amax(dim=0))
        return _statistics(shares * inputs, shares * inputs.square(), _column_sums(shares))


def _statistics(values: Tensor, squares: Tensor, total: Tensor | float | None = None) -> Tensor:
    """Mean and deviation of each column, (2 channels,), from values and squares, each times its share of `total`."""
    total = len(values) if total is None else total
    mean = _column_sums(values) / total
    variance = _column_sums(squares) / total - mean.square()
    return torch.cat([mean, variance.clamp(min=1e-12).sqrt()])


def _column_sums(values: Tensor) -> Tensor:
    """(time, channels) -> (channels,); torch's own sum over columns takes three times as long."""
    return values.new_ones(len(values)) @ values


class EcapaTdnn(nn.Module):
    """ECAPA-TDNN with 80 mel bands and 192-dimensional embeddings."""

    frames_per_second = 100
    dimension = 192
    channels = POOLED

    def __init__(self) -> None:
        super().__init__()
        blocks = [Tdnn(80, CHANNELS, 5), *(SeRes2Block(3, dilation) for dilation in (2, 3, 4))]
        self.blocks = nn.ModuleList(blocks)
        self.mfa = Tdnn(POOLED, POOLED, 1)
        self.asp = AttentiveStatistics()
        self.asp_bn = Norm(2 * POOLED)
        self.fc = Convolution(2 * POOLED, self.dimension, 1)

    def features(self, samples: Tensor) -> Tensor:
        """SpeechBrain filterbank, (time, 80)."""
        return speechbrain_fbank(samples)

    def frames(self, features: Tensor) -> Tensor:
        """(batch, time, 80), mean-normalised -> (batch, time, 3072)."""
        outputs, levels = features, []
        for block in self.blocks:
            outputs = block(outputs)
            levels.append(outputs)
        aggregated: Tensor = self.mfa(torch.cat(levels[1:], dim=2))
        return aggregated

    def pool(self, frames: Tensor) -> Tensor:
        """Attentive statistics over (frames, 3072), then the last layer -> (192,)."""
        embedding: Tensor = self.fc(self.asp_bn(self.asp(frames)[None]))
        return embedding[0]

    def prepare(self, dtype: torch.dtype) -> None:
        """Let `frames` compute in `dtype`. Batch norms come after the ReLU, so that no convolution can hold them."""
        for module in list(self.modules()):
            if isinstance(module, Norm) and isinstance(module.norm, nn.BatchNorm1d):
                module.norm = ScaleShift(module.norm)
        self.blocks.to(dtype)
        self.mfa.to(dtype)

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> EcapaTdnn:
        """Build the network from the published state dict; every name and shape must match."""
        network = cls()
        network.load_state_dict(dict(tensors), strict=True)
        return network.eval()
