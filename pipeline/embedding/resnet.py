"""ResNet34 on filterbanks, as WeSpeaker trains it and pyannote publishes it.

Source: Zeinali et al., "BUT system description to VoxCeleb speaker recognition challenge 2019"; Wang et al.,
"WeSpeaker", ICASSP 2023; weights: `pyannote/wespeaker-voxceleb-resnet34-LM`. Module names are the checkpoint's.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.embedding.folding import fold
from pipeline.features import kaldi_fbank

WIDTH = 32
BLOCKS = (3, 4, 6, 3)
MELS = 80
INTEGER_SCALE = 32768.0
PREFIX = "resnet."


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions over frequency and time."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            convolution = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(outputs))

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, inputs, mels, time) -> (batch, outputs, mels / stride, time / stride)."""
        outputs = functional.relu(self.bn1(self.conv1(inputs)))
        return functional.relu(self.bn2(self.conv2(outputs)) + self.shortcut(inputs))


class ResNet34(nn.Module):
    """ResNet34 with 80 mel bands and 256-dimensional embeddings."""

    frames_per_second = 12.5
    dimension = 256
    channels = WIDTH * 8 * MELS // 8

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, WIDTH, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTH)
        inputs = WIDTH
        for number, blocks in enumerate(BLOCKS, start=1):
            outputs, stride = WIDTH * 2 ** (number - 1), 1 if number == 1 else 2
            layers = [
                BasicBlock(inputs if i == 0 else outputs, outputs, stride if i == 0 else 1) for i in range(blocks)
            ]
            self.add_module(f"layer{number}", nn.Sequential(*layers))
            inputs = outputs
        self.seg_1 = nn.Linear(2 * self.channels, self.dimension)

    def features(self, samples: Tensor) -> Tensor:
        """Kaldi filterbank of samples on the integer scale, Hamming window, (time, 80)."""
        return kaldi_fbank(samples, scale=INTEGER_SCALE, window="hamming")

    def frames(self, features: Tensor) -> Tensor:
        """(batch, time, 80), mean-normalised -> (batch, time / 8, 2560)."""
        outputs = functional.relu(self.bn1(self.conv1(features.transpose(1, 2).unsqueeze(1))))
        for number in range(1, len(BLOCKS) + 1):
            outputs = self.get_submodule(f"layer{number}")(outputs)
        return outputs.flatten(1, 2).transpose(1, 2)

    def pool(self, frames: Tensor) -> Tensor:
        """Mean and standard deviation over (frames, 2560), then the last layer -> (256,)."""
        embedding: Tensor = self.seg_1(torch.cat([frames.mean(dim=0), frames.std(dim=0)]))
        return embedding

    def prepare(self, dtype: torch.dtype) -> None:
        """Fold the batch norms and let `frames` compute in `dtype`."""
        for module in list(self.modules()):
            if isinstance(module, ResNet34 | BasicBlock):
                fold(module, "conv1", "bn1")
            if isinstance(module, BasicBlock):
                fold(module, "conv2", "bn2")
                if len(module.shortcut):
                    fold(module, "shortcut.0", "shortcut.1")
        for name in ("conv1", *(f"layer{number}" for number in range(1, len(BLOCKS) + 1))):
            self.get_submodule(name).to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> ResNet34:
        """Build the network from the published state dict; every name and shape must match."""
        network = cls()
        network.load_state_dict({name.removeprefix(PREFIX): tensor for name, tensor in tensors.items()}, strict=True)
        return network.eval()
