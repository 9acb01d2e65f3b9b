"""Whisper's tokens: timestamps, words, prompts, and how many a stretch of speech may take."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

TIMESTAMP_STEP = 0.02
"""Seconds between two timestamp tokens."""
UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages that are written without spaces between words."""
_TOKENS_PER_SECOND = 8.0
# The fastest of 189 chunks of the development recordings has 5.6 tokens a second; short chunks up to 3 tokens more.
_TOKENS_AT_LEAST = 20
_BROKEN = "\ufffd"


@dataclass(frozen=True, slots=True)
class TimestampedTokens:
    """Tokens between two timestamps, in seconds."""

    start: float
    end: float
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """One written word and the tokens [first, last) that make it."""

    text: str
    first: int
    last: int


def token_limit(seconds: float, model_limit: int) -> int:
    """Most tokens to generate for a chunk, so that a loop ends soon."""
    return min(model_limit, round(_TOKENS_PER_SECOND * seconds) + _TOKENS_AT_LEAST)


def split_at_timestamps(
    tokens: Sequence[int], first_timestamp: int, duration: float
) -> tuple[tuple[TimestampedTokens, ...], float]:
    """Split output with timestamp tokens into segments, and say up to where the audio is accounted for.

    A pair of timestamps in a row ends a segment and begins the next. A single one at the end says that nothing is
    said after it; text after the last pair is unfinished and left to be decoded again
    (Radford et al. 2022, section 3.8).
    """
    pairs = [i for i in range(1, len(tokens)) if tokens[i] >= first_timestamp and tokens[i - 1] >= first_timestamp]
    single_end = len(tokens) > 1 and tokens[-2] < first_timestamp <= tokens[-1]
    if not pairs:
        return _unpaired(tokens, first_timestamp, duration)
    bounds = [0, *pairs, *([len(tokens)] if single_end else [])]
    parts = [tokens[first:last] for first, last in pairwise(bounds)]
    segments = tuple(
        TimestampedTokens(
            min(duration, max(0.0, (part[0] - first_timestamp) * TIMESTAMP_STEP)),
            min(duration, max(0.0, (part[-1] - first_timestamp) * TIMESTAMP_STEP)),
            tuple(token for token in part if token < first_timestamp),
        )
        for part in parts
    )
    return tuple(segment for segment in segments if segment.tokens), segments[-1].end


def _unpaired(
    tokens: Sequence[int], first_timestamp: int, duration: float
) -> tuple[tuple[TimestampedTokens, ...], float]:
    stamps = [(token - first_timestamp) * TIMESTAMP_STEP for token in tokens if token >= first_timestamp]
    text = tuple(token for token in tokens if token < first_timestamp)
    end = min(duration, stamps[-1]) if stamps and stamps[-1] > 0 else duration
    start = min(stamps[0], end) if len(stamps) > 1 else 0.0
    return ((TimestampedTokens(start, end, text),) if text else ()), end


def word_spans(tokens: Sequence[int], decode: Callable[[list[int]], str], *, spaced: bool) -> list[TokenSpan]:
    """Group text tokens into written words.

    Spaced languages: at white space, so that "well-known" and "$2.50" stay whole. Others: at every token boundary
    that is also a character boundary. Signs without a letter or digit go with the word before them.
    """
    spans: list[TokenSpan] = []
    for text, first, last in _characters(tokens, decode):
        word = "".join(text.split())
        if not word:
            continue
        begins = not spans or (text[0].isspace() if spaced else not _only_signs(word))
        if begins:
            spans.append(TokenSpan(word, first, last))
        else:
            spans[-1] = TokenSpan(spans[-1].text + word, spans[-1].first, last)
    return _attach_signs(spans)


def _characters(tokens: Sequence[int], decode: Callable[[list[int]], str]) -> list[tuple[str, int, int]]:
    """Give the shortest runs of tokens that decode to whole characters."""
    out = []
    first = 0
    for last in range(1, len(tokens) + 1):
        text = decode(list(tokens[first:last]))
        # A character of several bytes may be spread over tokens; until it is whole the text ends in U+FFFD.
        if not text.endswith(_BROKEN) or last == len(tokens):
            out.append((text.replace(_BROKEN, ""), first, last))
            first = last
    return out


def _attach_signs(spans: Sequence[TokenSpan]) -> list[TokenSpan]:
    """Join signs that stand alone, as in "wait - what", to the word before, or to the first word where none is."""
    out: list[TokenSpan] = []
    for span in spans:
        if out and (_only_signs(span.text) or _only_signs(out[-1].text)):
            out[-1] = TokenSpan(out[-1].text + span.text, out[-1].first, span.last)
        else:
            out.append(span)
    return out


def _only_signs(text: str) -> bool:
    return not any(unicodedata.category(character)[0] in "LNS" for character in text)
