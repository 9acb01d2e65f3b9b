"""CAM++: a densely connected TDNN with context-aware masking behind a small convolutional front end.

Source: Wang et al., "CAM++: a fast and efficient network for speaker verification using context-aware masking",
Interspeech 2023; weights: 3D-Speaker `speech_campplus_sv_zh_en_16k-common_advanced`. Module names are the checkpoint's.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.embedding.folding import ScaleShift, fold
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


class Pointwise(nn.Conv1d):
    """A convolution of length 1: every frame on its own."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool = False) -> None:
        super().__init__(inputs, outputs, 1, bias=bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., inputs) -> (..., outputs)."""
        return functional.linear(inputs, self.weight[..., 0], self.bias)


class Nonlinearity(nn.Module):
    """Batch norm and ReLU, or batch norm without scale alone."""

    def __init__(self, channels: int, *, relu: bool = True) -> None:
        super().__init__()
        self.batchnorm: nn.Module = nn.BatchNorm1d(channels, affine=relu)
        self.relu = relu

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., channels) -> the same shape."""
        outputs: Tensor = self.batchnorm(inputs.flatten(0, -2)).view(inputs.shape)
        return functional.relu(outputs) if self.relu else outputs


class ContextAwareMask(nn.Module):
    """A dilated convolution whose channels are gated by what the whole stretch and the 2 s around sound like."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(BOTTLENECK, GROWTH, 3, padding=dilation, dilation=dilation, bias=False)
        self.linear1 = Pointwise(BOTTLENECK, BOTTLENECK // 2, bias=True)
        self.linear2 = Pointwise(BOTTLENECK // 2, GROWTH, bias=True)
        self.dilation = dilation

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, time, bottleneck) -> (batch, time, growth)."""
        outputs, gates = self._local(inputs), self._gates(inputs)
        for number, first in enumerate(range(0, inputs.shape[1], CONTEXT_FRAMES)):
            outputs[:, first : first + CONTEXT_FRAMES] *= gates[:, number : number + 1]
        return outputs

    def _local(self, inputs: Tensor) -> Tensor:
        """Convolve: one product for all three taps, whose results are then laid over each other."""
        taps = self.linear_local.weight.permute(2, 0, 1).flatten(0, 1)  # (3 growth, bottleneck)
        products = functional.linear(inputs, taps)
        outputs = products[..., GROWTH : 2 * GROWTH]
        outputs[:, self.dilation :] += products[:, : -self.dilation, :GROWTH]
        outputs[:, : -self.dilation] += products[:, self.dilation :, 2 * GROWTH :]
        return outputs

    def _gates(self, inputs: Tensor) -> Tensor:
        """One gate for each channel and stretch of 2 s, (batch, stretches, growth)."""
        stretches = torch.split(inputs, CONTEXT_FRAMES, dim=1)
        near = torch.stack([stretch.mean(dim=1) for stretch in stretches], dim=1)
        context = inputs.mean(dim=1, keepdim=True) + near
        return torch.sigmoid(self.linear2(functional.relu(self.linear1(context))))


class DenseLayer(nn.Module):
    """Bottleneck and masked convolution."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = Nonlinearity(channels)
        self.linear1 = Pointwise(channels, BOTTLENECK)
        self.nonlinear2 = Nonlinearity(BOTTLENECK)
        self.cam_layer = ContextAwareMask(dilation)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, time, channels) -> (batch, time, growth)."""
        gated: Tensor = self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(inputs))))
        return gated


class DenseBlock(nn.Module):
    """Layers that each see the outputs of all before them."""

    def __init__(self, layers: int, channels: int, dilation: int) -> None:
        super().__init__()
        for layer in range(layers):
            self.add_module(f"tdnnd{layer + 1}", DenseLayer(channels + layer * GROWTH, dilation))

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, time, channels) -> (batch, time, channels + layers * growth)."""
        known = inputs.shape[2]
        outputs = inputs.new_empty(*inputs.shape[:2], known + GROWTH * len(self._modules))
        outputs[..., :known] = inputs
        for layer in self.children():
            outputs[..., known : known + GROWTH] = layer(outputs[..., :known])
            known += GROWTH
        return outputs


class Transition(nn.Module):
    """Halve the channels between two blocks."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.nonlinear = Nonlinearity(channels)
        self.linear = Pointwise(channels, channels // 2)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, time, channels) -> (batch, time, channels / 2)."""
        halved: Tensor = self.linear(self.nonlinear(inputs))
        return halved


class Projection(nn.Module):
    """Convolution, then the nonlinearity."""

    def __init__(self, convolution: nn.Conv1d, *, relu: bool) -> None:
        super().__init__()
        self.linear = convolution
        self.nonlinear = Nonlinearity(convolution.out_channels, relu=relu)

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., in channels) -> (..., out channels)."""
        outputs: Tensor = self.nonlinear(self.linear(inputs))
        return outputs


class FrameConvolution(nn.Conv1d):
    """A convolution over frames whose channels lie side by side."""

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, time, in channels) -> (batch, time', out channels)."""
        (length,), (step,) = self.kernel_size, self.stride
        pad = (length - 1) // 2
        seen = functional.pad(inputs, (0, 0, pad, pad)).unfold(1, length, step)  # (batch, time', channels, length)
        return functional.linear(seen.flatten(2), self.weight.flatten(1), self.bias)


class CamPlusPlus(nn.Module):
    """CAM++ with 80 mel bands and 192-dimensional embeddings.

    For inference: on a CPU all but the front end is matrix products over frames, which take half the time of the
    convolutions that they stand for.
    """

    frames_per_second = 50
    dimension = 192
    channels = 512

    def __init__(self) -> None:
        super().__init__()
        self.head = FrontEnd()
        self.xvector = nn.Sequential()
        self.xvector.add_module("tdnn", Projection(FrameConvolution(320, 128, 5, stride=2, bias=False), relu=True))
        channels = 128
        for number, (layers, dilation) in enumerate(((12, 1), (24, 2), (16, 2)), start=1):
            self.xvector.add_module(f"block{number}", DenseBlock(layers, channels, dilation))
            channels += layers * GROWTH
            self.xvector.add_module(f"transit{number}", Transition(channels))
            channels //= 2
        self.xvector.add_module("out_nonlinear", Nonlinearity(channels))
        # Outside the Sequential's path: it works on pooled statistics.
        self.dense = Projection(Pointwise(2 * channels, self.dimension), relu=False)

    def features(self, samples: Tensor) -> Tensor:
        """Kaldi filterbank of samples in [-1, 1], (time, 80)."""
        return kaldi_fbank(samples)

    def frames(self, features: Tensor) -> Tensor:
        """(batch, time, 80), mean-normalised -> (batch, time / 2, 512)."""
        outputs: Tensor = self.xvector(self.head(features.transpose(1, 2)).transpose(1, 2))
        return outputs

    def pool(self, frames: Tensor) -> Tensor:
        """Mean and standard deviation over (frames, 512), then the last layer -> (192,)."""
        embedding: Tensor = self.dense(torch.cat([frames.mean(dim=0), frames.std(dim=0)])[None])
        return embedding[0]

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> CamPlusPlus:
        """Build the network from the published state dict; every name and shape must match."""
        network = cls()
        renamed = {name.replace("xvector.dense.", "dense."): tensor for name, tensor in tensors.items()}
        network.load_state_dict(renamed, strict=True)
        return network.eval()

    def prepare(self, dtype: torch.dtype) -> None:
        """Fold the batch norms, which takes an eighth off the time, and let `frames` compute in `dtype`."""
        for module in list(self.modules()):
            if isinstance(module, FrontEnd | ResidualBlock):
                fold(module, "conv1", "bn1")
                fold(module, "conv2", "bn2")
            if isinstance(module, ResidualBlock) and len(module.shortcut):
                fold(module, "shortcut.0", "shortcut.1")
            if isinstance(module, DenseLayer):
                fold(module, "linear1", "nonlinear2.batchnorm")
            if isinstance(module, Projection):
                fold(module, "linear", "nonlinear.batchnorm")
        for module in list(self.modules()):
            if isinstance(module, Nonlinearity) and isinstance(module.batchnorm, nn.BatchNorm1d):
                module.batchnorm = ScaleShift(module.batchnorm)
        self.head.to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.xvector.to(dtype)
