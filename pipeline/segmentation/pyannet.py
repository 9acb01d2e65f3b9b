"""PyanNet: SincNet, a bidirectional LSTM and two linear layers; here with powerset output.

Source: Bredin, "pyannote.audio 2.1 speaker diarization pipeline", Interspeech 2023; weights: pyannote/segmentation-3.0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.errors import UnknownModel
from pipeline.segmentation.powerset import Powerset
from pipeline.segmentation.sincnet import SincNet

CLASSES = Powerset().classes


class PyanNet(nn.Module):
    """Raw samples to the log-probabilities of the powerset classes."""

    def __init__(self) -> None:
        super().__init__()
        self.sincnet = SincNet()
        self.lstm = nn.LSTM(60, 128, num_layers=4, bidirectional=True, batch_first=True)
        self.linear = nn.ModuleList([nn.Linear(256, 128), nn.Linear(128, 128)])
        self.classifier = nn.Linear(128, CLASSES)

    def forward(self, samples: Tensor, starts: Sequence[int], length: int) -> Tensor:
        """Hear windows of a stretch of 16 kHz samples, (samples,): each `length` samples long, from a multiple of 30.

        Gives log-probabilities, (windows, frames, classes); 10 s are 589 frames.
        """
        frames = self.sincnet(samples, starts, length)
        outputs, _ = self.lstm(frames.to(self.lstm.weight_hh_l0.dtype))
        outputs = outputs.float()
        for layer in self.linear:
            outputs = functional.leaky_relu(layer(outputs))
        return functional.log_softmax(self.classifier(outputs), dim=-1)

    def prepare(self, dtype: torch.dtype) -> None:
        """Let LSTM and convolutions compute in `dtype`, which is most of the work; the first filters keep float32."""
        self.lstm.to(dtype)
        self.sincnet.prepare(dtype)

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> PyanNet:
        """Build the network from a published state dict; every name and shape must match.

        Raises `UnknownModel` where it is another network's, or counts other classes than three speakers, two at once.
        """
        if "classifier.bias" not in tensors or len(tensors["classifier.bias"]) != CLASSES:
            message = f"not a PyanNet segmentation model with {CLASSES} powerset classes"
            raise UnknownModel(message)
        network = cls()
        network.load_state_dict(dict(tensors), strict=True)
        return network.eval()
