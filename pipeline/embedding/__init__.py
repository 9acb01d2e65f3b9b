"""Speaker embedding: from a voice to a point on the unit sphere, and whether two points are one voice."""

from pipeline.embedding.encoder import SpeakerEncoder

__all__ = ["SpeakerEncoder"]
