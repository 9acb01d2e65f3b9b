"""Diarizations as `pyannote.core.Annotation` and back, and as pictures in a notebook.

`pyannote.core` is optional (extra `evaluation`); so is matplotlib (extra `plot`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.errors import MissingDependency
from pipeline.extras import require
from pipeline.formats.timeline import diarization_png, png
from pipeline.turns import first_come
from pipeline.types import Diarization, Segment, Speaker, Transcript, Turn


def to_annotation(diarization: Diarization, *, uri: str | None = None, exclusive: bool = False) -> Any:  # noqa: ANN401
    """Return a `pyannote.core.Annotation` with one track a turn, named by the turn's position.

    `exclusive` takes the exclusive turns instead of the regular ones. Turns without length are left out, as pyannote
    does itself. Raises `MissingDependency` where pyannote.core is not installed.
    """
    return annotate(diarization.exclusive if exclusive else diarization.turns, uri=uri)


def annotate(turns: Sequence[Turn], *, uri: str | None = None) -> Any:  # noqa: ANN401
    """Return a `pyannote.core.Annotation` of turns, as `to_annotation` does."""
    core = require("pyannote.core", "evaluation")
    annotation = core.Annotation(uri=uri)
    for track, turn in enumerate(turns):
        if turn.duration:
            annotation[core.Segment(turn.start, turn.end), track] = turn.speaker
    return annotation


def from_annotation(annotation: Any) -> Diarization:  # noqa: ANN401 - a pyannote.core.Annotation, which may not be there
    """Return the turns of a `pyannote.core.Annotation`.

    The exclusive turns give each instant to the speaker whose turn began first, as nothing in an annotation says who
    was louder. Labels that are not strings are written as strings.
    """
    tracks = annotation.itertracks(yield_label=True)
    found = [Turn(start=float(place.start), end=float(place.end), speaker=str(label)) for place, _, label in tracks]
    turns = tuple(sorted(found, key=lambda turn: (turn.start, turn.end, turn.speaker)))
    return Diarization(turns=turns, exclusive=first_come(turns), speakers=_speakers(turns))


def notebook_png(shown: Diarization | Transcript) -> bytes | None:
    """Draw for a notebook; None, which notebooks take for "no picture", where matplotlib is not installed."""
    try:
        return png(shown) if isinstance(shown, Transcript) else diarization_png(shown)
    except MissingDependency:
        return None


def _speakers(turns: tuple[Turn, ...]) -> tuple[Speaker, ...]:
    """Labels in order of first appearance, with the seconds they speak; overlapping turns of one speaker count once."""
    heard: dict[str, list[Segment]] = {}
    for turn in turns:
        pieces = heard.setdefault(turn.speaker, [])
        if pieces and turn.start < pieces[-1].end:
            pieces[-1] = Segment(pieces[-1].start, max(pieces[-1].end, turn.end))
        else:
            pieces.append(turn.segment)
    return tuple(
        Speaker(label=label, speech_seconds=sum(piece.duration for piece in pieces)) for label, pieces in heard.items()
    )
