"""PyanNet: SincNet, a bidirectional LSTM and two linear layers; here with powerset output.

Source: Bredin, "pyannote.audio 2.1 speaker diarization pipeline", Interspeech 2023; weights: pyannote/segmentation-3.0.
"""

from __future__ import annotations

from collections.abc import Mapping

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

    def forward(self, samples: Tensor) -> Tensor:
        """(batch, samples) at 16 kHz -> (batch, frames, classes), log-probabilities. 10 s give 589 frames."""
        outputs, _ = self.lstm(self.sincnet(samples.unsqueeze(1)).transpose(1, 2))
        for layer in self.linear:
            outputs = functional.leaky_relu(layer(outputs))
        return functional.log_softmax(self.classifier(outputs), dim=-1)

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
