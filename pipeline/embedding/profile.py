"""The numbers that belong to an embedding model: distances mean different things in different spaces."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class EmbeddingProfile:
    """Thresholds of one model, found by measurement on many voices."""

    cut: float
    """Dendrogram cut of agglomerative clustering: centroid linkage, Euclidean distance of unit vectors."""
    lowest_cut: float
    """How far the cut may be lowered where it puts voices together that speak side by side."""
    lowest_known_cut: float
    """How far it may be lowered to reach a known number of speakers."""
    same_speaker: float
    """Cosine similarity from which two speakers of one recording, each heard over many pieces, count as one."""
    same_voice: float
    """Cosine similarity from which two recordings count as the same voice."""


# Different speakers of one recording reached 0.69 over 30 conversations, two halves of one speaker 0.96.
CAMPPLUS = EmbeddingProfile(cut=0.70, lowest_cut=0.45, lowest_known_cut=0.50, same_speaker=0.85, same_voice=0.50)
ECAPA = EmbeddingProfile(cut=0.85, lowest_cut=0.65, lowest_known_cut=0.70, same_speaker=0.85, same_voice=0.38)
# Not measured here: the cut is that of pyannote's published pipeline for this model.
WESPEAKER = EmbeddingProfile(cut=0.7046, lowest_cut=0.50, lowest_known_cut=0.55, same_speaker=0.85, same_voice=0.50)
