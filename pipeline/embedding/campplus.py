"""CAM++: a densely connected TDNN with context-aware masking behind a small convolutional front end.

Source: Wang et al., "CAM++: a fast and efficient network for speaker verification using context-aware masking",
Interspeech 2023; weights: 3D-Speaker `speech_campplus_sv_zh_en_16k-common_advanced`. Module names are the checkpoint's.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.features import kaldi_fbank

GROWTH = 32
BOTTLENECK = 128
CONTEXT_FRAMES = 100
"""Frames of a local context: 2 s."""


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions over frequency and time; `stride` thins out the frequencies."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, stride=(stride, 1), padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride != 1:
            convolution = nn.Conv2d(channels, channels, 1, stride=(stride, 1), bias=False)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(channels))

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, mels, time) -> (batch, channels, mels / stride, time)."""
        outputs = functional.relu(self.bn1(self.conv1(inputs)))
        return functional.relu(self.bn2(self.conv2(outputs)) + self.shortcut(inputs))


class FrontEnd(nn.Module):
    """Residual convolutions that see frequency and time together."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.layer1 = nn.Sequential(ResidualBlock(channels, 2), ResidualBlock(channels, 1))
        self.layer2 = nn.Sequential(ResidualBlock(channels, 2), ResidualBlock(channels, 1))
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=(2, 1), padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        """(batch, mels, time) -> (batch, channels * mels / 8, time)."""
        outputs = functional.relu(self.bn1(self.conv1(features.unsqueeze(1))))
        outputs = functional.relu(self.bn2(self.conv2(self.layer2(self.layer1(outputs)))))
        return outputs.flatten(1, 2)


class Nonlinearity(nn.Module):
    """Batch norm and ReLU, or batch norm without scale alone."""

    def __init__(self, channels: int, *, relu: bool = True) -> None:
        super().__init__()
        self.batchnorm = nn.BatchNorm1d(channels, affine=relu)
        self.relu = relu

    def forward(self, inputs: Tensor) -> Tensor:
        """Keep the shape."""
        outputs = self.batchnorm(inputs)
        return functional.relu(outputs) if self.relu else outputs


class ContextAwareMask(nn.Module):
    """A dilated convolution whose channels are gated by what the whole stretch and the 2 s around sound like."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(BOTTLENECK, GROWTH, 3, padding=dilation, dilation=dilation, bias=False)
        self.linear1 = nn.Conv1d(BOTTLENECK, BOTTLENECK // 2, 1)
        self.linear2 = nn.Conv1d(BOTTLENECK // 2, GROWTH, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, bottleneck, time) -> (batch, growth, time)."""
        near = functional.avg_pool1d(inputs, CONTEXT_FRAMES, stride=CONTEXT_FRAMES, ceil_mode=True)
        context = inputs.mean(dim=-1, keepdim=True) + near  # one column per 2 s, not per frame
        gates = torch.sigmoid(self.linear2(functional.relu(self.linear1(context))))
        gates = gates.repeat_interleave(CONTEXT_FRAMES, dim=-1)[..., : inputs.shape[-1]]
        return self.linear_local(inputs) * gates


class DenseLayer(nn.Module):
    """Bottleneck and masked convolution."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = Nonlinearity(channels)
        self.linear1 = nn.Conv1d(channels, BOTTLENECK, 1, bias=False)
        self.nonlinear2 = Nonlinearity(BOTTLENECK)
        self.cam_layer = ContextAwareMask(dilation)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, time) -> (batch, growth, time)."""
        return self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(inputs))))


class DenseBlock(nn.Module):
    """Layers that each see the outputs of all before them."""

    def __init__(self, layers: int, channels: int, dilation: int) -> None:
        super().__init__()
        for layer in range(layers):
            self.add_module(f"tdnnd{layer + 1}", DenseLayer(channels + layer * GROWTH, dilation))

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, time) -> (batch, channels + layers * growth, time)."""
        for layer in self.children():
            inputs = torch.cat([inputs, layer(inputs)], dim=1)
        return inputs


class Transition(nn.Module):
    """Halve the channels between two blocks."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.nonlinear = Nonlinearity(channels)
        self.linear = nn.Conv1d(channels, channels // 2, 1, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, time) -> (batch, channels / 2, time)."""
        return self.linear(self.nonlinear(inputs))


class Projection(nn.Module):
    """Convolution, then the nonlinearity."""

    def __init__(self, convolution: nn.Conv1d, *, relu: bool) -> None:
        super().__init__()
        self.linear = convolution
        self.nonlinear = Nonlinearity(convolution.out_channels, relu=relu)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, in channels, time) -> (batch, out channels, time')."""
        return self.nonlinear(self.linear(inputs))


class CamPlusPlus(nn.Module):
    """CAM++ with 80 mel bands and 192-dimensional embeddings."""

    frames_per_second = 50
    dimension = 192
    channels = 512

    def __init__(self) -> None:
        super().__init__()
        self.head = FrontEnd()
        self.xvector = nn.Sequential()
        self.xvector.add_module("tdnn", Projection(nn.Conv1d(320, 128, 5, stride=2, padding=2, bias=False), relu=True))
        channels = 128
        for number, (layers, dilation) in enumerate(((12, 1), (24, 2), (16, 2)), start=1):
            self.xvector.add_module(f"block{number}", DenseBlock(layers, channels, dilation))
            channels += layers * GROWTH
            self.xvector.add_module(f"transit{number}", Transition(channels))
            channels //= 2
        self.xvector.add_module("out_nonlinear", Nonlinearity(channels))
        # Outside the Sequential's path: it works on pooled statistics.
        self.dense = Projection(nn.Conv1d(2 * channels, self.dimension, 1, bias=False), relu=False)

    def features(self, samples: Tensor) -> Tensor:
        """Kaldi filterbank of samples in [-1, 1], (time, 80)."""
        return kaldi_fbank(samples)

    def frames(self, features: Tensor) -> Tensor:
        """(time, 80), mean-normalised -> (time / 2, 512)."""
        outputs: Tensor = self.xvector(self.head(features.T.unsqueeze(0)))
        return outputs[0].T

    def pool(self, frames: Tensor) -> Tensor:
        """Mean and standard deviation over (frames, 512), then the last layer -> (192,)."""
        statistics = torch.cat([frames.mean(dim=0), frames.std(dim=0)])
        embedding: Tensor = self.dense(statistics[None, :, None])
        return embedding.flatten()

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> CamPlusPlus:
        """Build the network from the published state dict; every name and shape must match."""
        network = cls()
        renamed = {name.replace("xvector.dense.", "dense."): tensor for name, tensor in tensors.items()}
        network.load_state_dict(renamed, strict=True)
        return network.eval()
