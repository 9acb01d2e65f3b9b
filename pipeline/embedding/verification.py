"""Speaker verification: whether two recordings hold the same voice."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.embedding.encoder import SpeakerEncoder
from pipeline.waveform import Waveform


@dataclass(frozen=True, slots=True)
class Verification:
    """The verdict and what it rests on."""

    score: float
    """Cosine similarity of the two voices, -1..1."""
    threshold: float
    """Similarity from which two voices count as the same; it belongs to the embedding model."""

    @property
    def same(self) -> bool:
        """Whether the two recordings hold the same voice."""
        return self.score >= self.threshold


def verify(
    first: Waveform, second: Waveform, encoder: SpeakerEncoder, *, threshold: float | None = None
) -> Verification:
    """Compare two one-channel recordings of one voice each; raises `AudioTooShort` under 0.4 s."""
    score = float(encoder.embed(first) @ encoder.embed(second))
    return Verification(score, encoder.profile.same_voice if threshold is None else threshold)
