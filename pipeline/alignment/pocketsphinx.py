"""Forced alignment of English by PocketSphinx: a Gaussian-mixture acoustic model, small and fast on a CPU."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.alignment.aligner import AlignedWord
from pipeline.alignment.english import spoken_tokens
from pipeline.alignment.letter_to_sound import pronounce
from pipeline.extras import require
from pipeline.types import FloatArray

_FRAMES_PER_SECOND = 100
_FULL_SCALE = 32767
_HALF_OVERLAP = 0.0078
# Seconds. A frame is 25.6 ms wide and comes every 10 ms, so it stands for the 10 ms in its middle. Without this word
# starts were early by a median of 7 to 10 ms against hand labels.
_SEARCHES = (
    {"bestpath": False, "ds": 2, "topn": 2, "beam": 1e-80, "pbeam": 1e-80, "wbeam": 1e-60},
    {"bestpath": False, "beam": 1e-200, "pbeam": 1e-200, "wbeam": 1e-200},
)
# The second is for chunks in which the first finds no path. With the default beams and the pass over the word lattice
# (bestpath) half of the chunks of speech in 10 dB noise had none; with the first search 8 of 14 on a hard recording of
# that kind, with both 1. The second alone is no better elsewhere, and costs more.
# Two Gaussians a codebook instead of four, looked up anew in every second frame only, take 31 instead of 57 CPU seconds
# an hour. Starts of 5,300 hand-labelled words, median and 95th percentile in ms: clean 14/53 instead of 13/55,
# telephone 16/76 instead of 15/73, 10 dB of noise 17/107 instead of 15/101.
_MAX_NEW_WORDS = 5000
# The dictionary grows by every unknown word; fresh decoders (0.2 s) keep a long-lived worker from growing with it.
_ALTERNATIVE = re.compile(r"\(\d+\)$")
_FILLERS = ("<", "[", "++")


class PocketSphinx:
    """`ForcedAligner` for English. May be shared between threads; they take turns."""

    name = "pocketsphinx-en-us"
    languages = frozenset({"en"})

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._decoders: list[Any] = []
        self._new_words = 0

    def align(self, samples: FloatArray, words: Sequence[str]) -> list[AlignedWord | None] | None:
        """Place words in 16 kHz samples, (samples,), to 10 ms; None where no path was found.

        Raises `MissingDependency` where PocketSphinx is not installed.
        """
        with self._lock:
            self._prepare()
            tokens = [self._tokens(word) for word in words]
            spoken = [token for group in tokens for token in group]
            tries = (_search(decoder, samples, spoken) for decoder in self._decoders if spoken)
            found = next((placed for placed in tries if placed is not None), None)
        if found is None:
            return None
        left = iter(found)
        return [_joined([next(left) for _ in group]) for group in tokens]

    def _prepare(self) -> None:
        """Load the decoders on first use, and again once they have learnt too many words."""
        if self._decoders and self._new_words <= _MAX_NEW_WORDS:
            return
        module = require("pocketsphinx", "pipeline")
        # Its log goes to stderr, from C, and it has an error for every word it cannot place.
        self._decoders = [module.Decoder(lm=None, loglevel="FATAL", **search) for search in _SEARCHES]
        self._new_words = 0

    def _tokens(self, word: str) -> list[str]:
        """Tokens of a word, all of them in the decoders' dictionaries."""
        tokens = spoken_tokens(word, self._in_dictionary)
        return [token for token in tokens if self._in_dictionary(token) or self._learn(token)]

    def _in_dictionary(self, token: str) -> bool:
        return self._decoders[0].lookup_word(token) is not None

    def _learn(self, token: str) -> bool:
        """Teach the decoders a rough pronunciation; tell whether there is one."""
        phones = pronounce(token)
        if phones:
            for decoder in self._decoders:
                decoder.add_word(token, phones, False)  # noqa: FBT003 - every alignment sets up its own search
            self._new_words += 1
        return bool(phones)


def _search(decoder: Any, samples: FloatArray, tokens: Sequence[str]) -> list[AlignedWord] | None:  # noqa: ANN401
    """Place every token, or give None."""
    pcm = (np.clip(samples, -1.0, 1.0) * _FULL_SCALE).astype("<i2").tobytes()
    # Forgets the noise of what was aligned before, in 0.3 ms. Without it words stand up to 0.15 s elsewhere in a second
    # run, and on 80 sentences with hand labels the 95th percentile of the errors of starts is 98 ms instead of 84.
    decoder.reinit_feat()
    try:
        decoder.set_align_text(" ".join(tokens))
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
        segments = list(decoder.seg() or ()) if decoder.hyp() else []
    except RuntimeError:
        return None
    placed = [segment for segment in segments if not segment.word.startswith(_FILLERS)]
    if [_ALTERNATIVE.sub("", segment.word) for segment in placed] != list(tokens):
        return None
    return [
        AlignedWord(
            segment.start_frame / _FRAMES_PER_SECOND + _HALF_OVERLAP,
            (segment.end_frame + 1) / _FRAMES_PER_SECOND + _HALF_OVERLAP,
            segment.ascore / (segment.end_frame - segment.start_frame + 1),
        )
        for segment in placed
    ]


def _joined(parts: Sequence[AlignedWord]) -> AlignedWord | None:
    """One place for the tokens of one written word."""
    if not parts:
        return None
    return AlignedWord(parts[0].start, parts[-1].end, sum(part.score for part in parts) / len(parts))
