"""ECAPA-TDNN with 1,024 channels.

Source: Desplanques et al., "ECAPA-TDNN: emphasized channel attention, propagation and aggregation in TDNN based speaker
verification", Interspeech 2020; weights: SpeechBrain `spkrec-ecapa-voxceleb`. Module names are the checkpoint's.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.features import speechbrain_fbank

CHANNELS = 1024
RES2_SCALE = 8
ATTENTION = 128
POOLED = 3 * CHANNELS


class Convolution(nn.Module):
    """One-dimensional convolution that keeps the length, reflecting at the ends."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, dilation=dilation)
        self.padding = dilation * (kernel - 1) // 2

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, inputs, time) -> (batch, outputs, time)."""
        if self.padding:
            inputs = functional.pad(inputs, (self.padding, self.padding), mode="reflect")
        return self.conv(inputs)


class Norm(nn.Module):
    """Batch norm under the checkpoint's name."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, inputs: Tensor) -> Tensor:
        """Keep the shape."""
        return self.norm(inputs)


class Tdnn(nn.Module):
    """Convolution, ReLU, batch norm."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv = Convolution(inputs, outputs, kernel, dilation)
        self.norm = Norm(outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, inputs, time) -> (batch, outputs, time)."""
        return self.norm(functional.relu(self.conv(inputs)))


class Res2Net(nn.Module):
    """Groups of channels, each convolved together with the result of the one before."""

    def __init__(self, kernel: int, dilation: int) -> None:
        super().__init__()
        width = CHANNELS // RES2_SCALE
        self.blocks = nn.ModuleList([Tdnn(width, width, kernel, dilation) for _ in range(RES2_SCALE - 1)])

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, time) -> the same shape."""
        first, *rest = inputs.chunk(RES2_SCALE, dim=1)
        outputs = [first]
        for number, (block, group) in enumerate(zip(self.blocks, rest, strict=True)):
            outputs.append(block(group if number == 0 else group + outputs[-1]))
        return torch.cat(outputs, dim=1)


class SqueezeExcitation(nn.Module):
    """Scale each channel by what the whole stretch sounds like."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = Convolution(CHANNELS, ATTENTION, 1)
        self.conv2 = Convolution(ATTENTION, CHANNELS, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, time) -> the same shape."""
        gates = self.conv2(functional.relu(self.conv1(inputs.mean(dim=2, keepdim=True))))
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
        """(batch, channels, time) -> the same shape."""
        return self.se_block(self.tdnn2(self.res2net_block(self.tdnn1(inputs)))) + inputs


class AttentiveStatistics(nn.Module):
    """Mean and deviation over time, every channel with weights of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.tdnn = Tdnn(3 * POOLED, ATTENTION, 1)
        self.conv = Convolution(ATTENTION, POOLED, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, time) -> (batch, 2 channels, 1)."""
        uniform = torch.full_like(inputs[:, :1], 1 / inputs.shape[2])
        context = [part.unsqueeze(2).expand_as(inputs) for part in self._statistics(inputs, uniform)]
        scores = self.conv(torch.tanh(self.tdnn(torch.cat([inputs, *context], dim=1))))
        return torch.cat(self._statistics(inputs, scores.softmax(dim=2)), dim=1).unsqueeze(2)

    @staticmethod
    def _statistics(inputs: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        mean = (weights * inputs).sum(dim=2)
        variance = (weights * (inputs - mean.unsqueeze(2)).square()).sum(dim=2)
        return mean, variance.clamp(min=1e-12).sqrt()


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
        outputs, levels = features.transpose(1, 2), []
        for block in self.blocks:
            outputs = block(outputs)
            levels.append(outputs)
        aggregated: Tensor = self.mfa(torch.cat(levels[1:], dim=1))
        return aggregated.transpose(1, 2)

    def pool(self, frames: Tensor) -> Tensor:
        """Attentive statistics over (frames, 3072), then the last layer -> (192,)."""
        embedding: Tensor = self.fc(self.asp_bn(self.asp(frames.T.unsqueeze(0))))
        return embedding.flatten()

    def prepare(self, dtype: torch.dtype) -> None:
        """Let `frames` compute in `dtype`. Batch norms stay: they come after the ReLU, not after a convolution."""
        self.blocks.to(dtype)
        self.mfa.to(dtype)

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> EcapaTdnn:
        """Build the network from the published state dict; every name and shape must match."""
        network = cls()
        network.load_state_dict(dict(tensors), strict=True)
        return network.eval()
