"""Forced alignment of English with the acoustic model that the package `pocketsphinx` carries, on a CPU."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.alignment.aligner import AlignedWord
from pipeline.alignment.english import spoken_tokens
from pipeline.alignment.hmm.acoustic_model import AcousticModel
from pipeline.alignment.hmm.best_path import PlacedWord, best_path
from pipeline.alignment.hmm.cepstra import FRAMES_PER_SECOND, cepstra
from pipeline.alignment.hmm.word_graph import Pronunciation, word_graph
from pipeline.alignment.pronunciations import Pronunciations
from pipeline.extras import require
from pipeline.types import FloatArray

_HALF_OVERLAP = 0.0078
# Seconds. A frame is 25.6 ms wide and comes every 10 ms, so it stands for the 10 ms in its middle. Without this word
# starts were early by a median of 7 to 10 ms against hand labels.


@dataclass(frozen=True, slots=True)
class _Voice:
    """What is loaded once."""

    model: AcousticModel
    pronunciations: Pronunciations


class EnglishAligner:
    """`ForcedAligner` for English. May be shared between threads: it keeps nothing of what it aligned."""

    name = "pocketsphinx-en-us"
    languages = frozenset({"en"})

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: _Voice | None = None

    def align(self, samples: FloatArray, words: Sequence[str]) -> list[AlignedWord | None] | None:
        """Place words in 16 kHz samples, (samples,), to 10 ms; None where they do not fit into so little audio.

        Raises `MissingDependency` where pocketsphinx is not installed, `ModelCorrupt` where its files are damaged.
        """
        voice = self._voice()
        spoken = [self._pronunciations(word, voice) for word in words]
        tokens = [ways for word in spoken for ways in word]
        if not tokens:
            return None
        placed = best_path(voice.model, word_graph(voice.model, tokens), cepstra(samples))
        if placed is None:
            return None
        left = iter(placed)
        return [_joined([next(left) for _ in word]) for word in spoken]

    def _voice(self) -> _Voice:
        """Load model and dictionary on first use."""
        with self._lock:
            if self._loaded is None:
                folder = Path(require("pocketsphinx", "pipeline").get_model_path("en-us"))
                model = AcousticModel.read(folder / "en-us")
                self._loaded = _Voice(model, Pronunciations(folder / "cmudict-en-us.dict", model.phones))
            return self._loaded

    def _pronunciations(self, word: str, voice: _Voice) -> list[list[Pronunciation]]:
        """The ways to say each token of a written word; none for what has no sound."""
        tokens = spoken_tokens(word, voice.pronunciations.knows)
        ways = [voice.pronunciations.of(token) for token in tokens]
        phones = voice.model.phones
        return [[tuple(phones[phone] for phone in way) for way in said] for said in ways if said]


def _joined(parts: Sequence[PlacedWord]) -> AlignedWord | None:
    """One place for the tokens of one written word."""
    if not parts:
        return None
    frames = [part.last - part.first + 1 for part in parts]
    return AlignedWord(
        parts[0].first / FRAMES_PER_SECOND + _HALF_OVERLAP,
        (parts[-1].last + 1) / FRAMES_PER_SECOND + _HALF_OVERLAP,
        sum(part.score * length for part, length in zip(parts, frames, strict=True)) / sum(frames),
    )
