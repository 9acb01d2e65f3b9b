"""Can this have been said? Pure decisions about decoded text.

The limits were measured on Whisper; DECISIONS.md has the figures.
"""

from __future__ import annotations

import statistics
import zlib
from collections.abc import Sequence
from enum import StrEnum

from pipeline.asr.backend import Hypothesis
from pipeline.asr.whisper_tokens import UNSPACED_LANGUAGES
from pipeline.options import AsrOptions

SPARSE_MIN_SPEECH = 2.5
"""Seconds of speech below which a few words say nothing about words being lost."""
_SPARSE_SHARE = 0.75
# Fewer words a second of speech than this share of the recording's median: a stretch was probably skipped.
_SPARSE_FLOOR, _SPARSE_CEILING = 1.5, 2.4
_TYPICAL_RATE = 2.5
_MORE_WORDS = 1.1
# A second decoding must bring this many times the words to be taken for one that skips less.
_SPARE_WORDS = 3.0
# Words allowed on top of the rate: speech regions of a fraction of a second hold a whole "I don't know".
_LONGEST_NGRAM = 8
_REPEATED_WORDS = 12
# A group of words said over and over for this many words in a row is a loop; people stop sooner.
_REPEATS = 4
_CHARACTERS_PER_WORD = 2
_ORDINARY_RATE = 4.0
# Words a second of speech; 2.8 are usual, and the fastest chunk of the development recordings has 5.1.
_CLEARLY_HEARD = -0.5


class Fault(StrEnum):
    """Why text is judged not to have been said; the values of `DroppedSpan.reason`."""

    NO_SPEECH = "no_speech"
    """The model itself gives "no speech" a high probability."""
    LOW_LOGPROB = "low_logprob"
    REPETITION = "repetition"
    """The same words over and over."""
    TOO_MANY_WORDS = "too_many_words"
    """More words than can be said in the time."""
    NO_LETTERS = "no_letters"
    """Nothing but signs."""
    OUTSIDE_SPEECH = "outside_speech"
    """There is no speech where the text is."""


def count_words(text: str, language: str) -> int:
    """Number of words; estimated from the characters in languages written without spaces."""
    if language in UNSPACED_LANGUAGES:
        return -(-sum(character.isalnum() for character in text) // _CHARACTERS_PER_WORD)
    return len(text.split())


def letters(word: str) -> str:
    """A word without case and signs, to compare it with others."""
    return "".join(filter(str.isalnum, word.lower()))


def compression_ratio(text: str) -> float:
    """How much shorter zlib makes the text; 0 for an empty one. Loops compress well."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


def is_loop(text: str) -> bool:
    """Tell whether a group of up to eight words, or parts of a word between hyphens, comes again and again."""
    words = [word.strip(".,!?").lower() for word in text.replace("-", " ").split()]
    for size in range(1, _LONGEST_NGRAM + 1):
        same = 0
        for position in range(size, len(words)):
            same = same + 1 if words[position] == words[position - size] else 0
            if same + size >= max(_REPEATED_WORDS, _REPEATS * size):
                return True
    return False


def find_fault(hypothesis: Hypothesis, words: int, speech_seconds: float, options: AsrOptions) -> Fault | None:
    """Say why a chunk's text cannot be right, or None. Empty text has no fault: there may be nothing to hear."""
    if not hypothesis.text:
        return None
    if is_loop(hypothesis.text) or _compresses_well(hypothesis, words, speech_seconds, options):
        return Fault.REPETITION
    if words > most_words(speech_seconds, options):
        return Fault.TOO_MANY_WORDS
    if hypothesis.avg_logprob < options.min_logprob:
        return Fault.LOW_LOGPROB
    return None


def _compresses_well(hypothesis: Hypothesis, words: int, speech_seconds: float, options: AsrOptions) -> bool:
    """Tell whether the text repeats itself and there is no sign that the speaker does.

    Announcements are played again and again. Said at an ordinary rate and heard clearly, a repeated sentence is real;
    a decoder in a loop writes until it is stopped.
    """
    ordinary = words <= _ORDINARY_RATE * speech_seconds and hypothesis.avg_logprob > _CLEARLY_HEARD
    return not ordinary and compression_ratio(hypothesis.text) > options.max_compression_ratio


def most_words(speech_seconds: float, options: AsrOptions) -> float:
    """Most words that can be said in so many seconds of speech."""
    return options.max_words_per_second * speech_seconds + _SPARE_WORDS


def sparse_rate(rates: Sequence[float]) -> float:
    """Words a second of speech below which a chunk of a recording has probably lost some, from its chunks' rates.

    Log-probability cannot tell: measured on a chunk with a lost stretch, the shorter text was the likelier
    (-0.197 against -0.223 a token).
    """
    typical = statistics.median(rates) if rates else _TYPICAL_RATE
    return min(_SPARSE_CEILING, max(_SPARSE_FLOOR, _SPARSE_SHARE * typical))


def is_sparse(words: int, speech_seconds: float, rate: float) -> bool:
    """Tell whether the text has too few words for the speech it covers."""
    return speech_seconds >= SPARSE_MIN_SPEECH and words < rate * speech_seconds


def may_be_sparse(words: int, speech_seconds: float) -> bool:
    """Tell whether the text would have too few words in the fastest recording."""
    return is_sparse(words, speech_seconds, _SPARSE_CEILING)


def is_fuller(words: int, before: int, avg_logprob: float, speech_seconds: float, options: AsrOptions) -> bool:
    """Tell whether a second decoding is a better account of a sparse chunk than the first."""
    return (
        words > _MORE_WORDS * before
        and words <= most_words(speech_seconds, options)
        and avg_logprob > options.min_logprob
    )


def unsayable(text: str, no_speech_prob: float, options: AsrOptions) -> Fault | None:
    """Last check before text is believed.

    Whatever its log-probability, text with a "no speech" above the limit was invented in every case seen (0.82 and
    more on noise, tones and music; real speech stays below 0.47).
    """
    if not any(character.isalnum() for character in text):
        return Fault.NO_LETTERS
    return Fault.NO_SPEECH if no_speech_prob > options.max_no_speech else None
