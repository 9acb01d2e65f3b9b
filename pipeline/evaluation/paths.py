"""Scores of files: which hypothesis belongs to which reference."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import InvalidOption
from pipeline.evaluation.reading import Recordings, read_recordings
from pipeline.evaluation.recording import Recording
from pipeline.evaluation.report import Report
from pipeline.evaluation.scores import EvaluationOptions, Scores, evaluate

Pair = tuple[Recording, Recording]


def evaluate_pair(
    reference: Path | str,
    hypothesis: Path | str,
    *,
    collar: float = 0.0,
    skip_overlap: bool = False,
    language: str = "en",
) -> Scores:
    """Score one file against another. Raises as `evaluate_paths`, and `InvalidOption` where either holds several."""
    rows = evaluate_paths(reference, hypothesis, collar=collar, skip_overlap=skip_overlap, language=language).rows
    if len(rows) != 1:
        message = f"{reference} and {hypothesis} share {len(rows)} recordings; use evaluate_paths"
        raise InvalidOption(message)
    return rows[0]


def evaluate_paths(
    reference: Path | str,
    hypothesis: Path | str,
    *,
    collar: float = 0.0,
    skip_overlap: bool = False,
    language: str = "en",
) -> Report:
    """Score a file or directory of hypotheses against a file or directory of references.

    Recordings are paired by name (see `read_recordings`); two files that hold one recording each are a pair whatever
    their names. `collar`, `skip_overlap` and `language` as in `EvaluationOptions`. What only one side has is named in
    the report. Raises `SourceNotFound`, `MalformedFile`, `MissingDependency`, and `InvalidOption` where no pair has
    anything in common to score.
    """
    options = EvaluationOptions(collar=collar, skip_overlap=skip_overlap, language=language)
    references, hypotheses = read_recordings(Path(reference)), read_recordings(Path(hypothesis))
    references = {key: item for key, item in references.items() if item.turns is not None or item.words is not None}
    pairs = _pairs(references, hypotheses, by_name=Path(reference).is_dir() or Path(hypothesis).is_dir())
    rows = [evaluate(truth, guess, options) for truth, guess in pairs]
    scored = tuple(row for row in rows if row.diarization is not None or row.words is not None)
    if not scored:
        message = (
            f"nothing to score: {reference} and {hypothesis} share no recording with turns or with words"
            f" (reference: {_few(references)}; hypothesis: {_few(hypotheses)})"
        )
        raise InvalidOption(message)
    names = {row.uri for row in scored}
    guesses = {guess.uri for truth, guess in pairs if truth.uri in names}
    return Report(
        rows=scored,
        options=options,
        without_hypothesis=tuple(key for key in references if key not in names),
        without_reference=tuple(key for key in hypotheses if key not in guesses),
    )


def _pairs(references: Recordings, hypotheses: Recordings, *, by_name: bool) -> list[Pair]:
    if not by_name and len(references) == len(hypotheses) == 1:
        return list(zip(references.values(), hypotheses.values(), strict=True))
    return [(item, hypotheses[key]) for key, item in references.items() if key in hypotheses]


def _few(recordings: Recordings) -> str:
    """Some names, for a message."""
    shown = list(recordings)[:3]
    more = len(recordings) - len(shown)
    return (", ".join(shown) or "nothing") + (f" and {more} more" if more else "")
