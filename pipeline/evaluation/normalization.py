"""Text as it is compared: without case, punctuation and fillers, numbers and spellings made alike.

The normalizers are those that Whisper was evaluated with (Radford et al., 2022, appendix C).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from pipeline.evaluation.recording import SpokenWord
from pipeline.extras import require

Normalizer = Callable[[str], str]

UNSPACED = frozenset({"ja", "lo", "my", "th", "yue", "zh"})
"""Written without spaces: compared letter by letter, which makes the word error rate a character error rate."""


@cache
def normalizer(language: str = "en") -> Normalizer:
    """Return the normalizer of a language (ISO 639-1): the English one, or the basic one for every other.

    Raises `MissingDependency` where whisper-normalizer is not installed.
    """
    if language == "en":
        english: Normalizer = require("whisper_normalizer.english", "evaluation").EnglishTextNormalizer()
        return english
    basic = require("whisper_normalizer.basic", "evaluation").BasicTextNormalizer
    other: Normalizer = basic(split_letters=language in UNSPACED)
    return other


def normalized_text(words: Iterable[SpokenWord], normalize: Normalizer) -> str:
    """The words as one text, normalized as a whole, so that numbers of several words become one."""
    return normalize(" ".join(word.text for word in words)).strip()


def normalized_tokens(words: Iterable[SpokenWord], normalize: Normalizer) -> list[tuple[str, SpokenWord]]:
    """Each word normalized on its own, with the word it came from: fillers vanish, contractions give two tokens."""
    return [(token, word) for word in words for token in normalize(word.text).split()]
