"""What every speaker embedding network offers: frame-level features once, statistics under any mask."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class EmbeddingNetwork(Protocol):
    """A network cut in two where time disappears.

    `frames` is the costly part and depends only on the audio; `pool` is cheap and depends on whom to look at.
    Pooling several masks over the same frames is exact.
    """

    @property
    def frames_per_second(self) -> float:
        """Frames that `frames` gives for one second of features (which come at 100 a second)."""

    @property
    def dimension(self) -> int:
        """Size of an embedding."""

    @property
    def channels(self) -> int:
        """Size of a frame."""

    def features(self, samples: Tensor) -> Tensor:
        """(samples,) at 16 kHz -> (time, 80) at 100 a second, without mean normalisation."""

    def prepare(self, dtype: torch.dtype) -> None:
        """Make ready to be used, for good: from here on `frames` takes, and may give, this kind of number."""

    def frames(self, features: Tensor) -> Tensor:
        """(batch, time, 80), mean-normalised -> (batch, frames, channels)."""

    def pool(self, frames: Tensor) -> Tensor:
        """(frames, channels), at least 2 of them -> (dimension,), not normalised."""
