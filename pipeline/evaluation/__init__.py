"""How good a result is: DER, JER, WER, cpWER, word-diarization error, word times; by the field's own libraries.

Needs the extra `evaluation`. Importing this loads none of it.
"""

from pipeline.evaluation.diarization_errors import DiarizationErrors, diarization_errors
from pipeline.evaluation.normalization import normalizer
from pipeline.evaluation.paths import evaluate_pair, evaluate_paths
from pipeline.evaluation.reading import read_recordings
from pipeline.evaluation.recording import Recording, SpokenWord
from pipeline.evaluation.report import Report
from pipeline.evaluation.scores import EvaluationOptions, Scores, evaluate
from pipeline.evaluation.speaker_errors import SpeakerErrors, speaker_errors
from pipeline.evaluation.time_errors import TimeErrors, time_errors
from pipeline.evaluation.word_errors import WordErrors, speaker_word_errors, word_errors

__all__ = [
    "DiarizationErrors",
    "EvaluationOptions",
    "Recording",
    "Report",
    "Scores",
    "SpeakerErrors",
    "SpokenWord",
    "TimeErrors",
    "WordErrors",
    "diarization_errors",
    "evaluate",
    "evaluate_pair",
    "evaluate_paths",
    "normalizer",
    "read_recordings",
    "speaker_errors",
    "speaker_word_errors",
    "time_errors",
    "word_errors",
]
