"""A diarization without words, as a transcript: so that every format that can show turns can show it."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.types import UNDETERMINED, Diarization, Notice, Provenance, Segment, Transcript


def diarized(
    diarization: Diarization,
    *,
    uri: str,
    duration: float,
    channels: int = 1,
    speech: Sequence[Segment] = (),
    notices: Sequence[Notice] = (),
    provenance: Provenance | None = None,
) -> Transcript:
    """Wrap a diarization for `write`: no words, language `und`; JSON, RTTM and pictures show it in full."""
    made = Provenance(version="", models=(), options={}, device="", stage_seconds={})
    return Transcript(
        uri=uri,
        duration=duration,
        channels=channels,
        language=UNDETERMINED,
        language_confidence=None,
        words=(),
        utterances=(),
        segments=(),
        diarization=diarization,
        speech=tuple(speech),
        dropped=(),
        notices=tuple(notices),
        provenance=provenance or made,
    )
