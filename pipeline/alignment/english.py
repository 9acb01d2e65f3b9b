"""From written English to tokens that can be pronounced."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from pipeline.alignment.numerals import spell_out

_SIGNS = {"&": "and", "%": "percent", "+": "plus", "@": "at", "=": "equals"}
_TITLES = {"mr.": "mister", "mrs.": "missus", "ms.": "miz", "dr.": "doctor", "st.": "saint", "vs.": "versus"}
_APOSTROPHES = str.maketrans(dict.fromkeys(("\N{RIGHT SINGLE QUOTATION MARK}", "\N{LEFT SINGLE QUOTATION MARK}"), "'"))
_ABBREVIATION = re.compile(r"(?:[a-z]\.){2,}[a-z]?")


def spoken_tokens(written: str, known: Callable[[str], bool]) -> list[str]:
    """Say one written word as lower-case tokens of a-z and apostrophes; empty where it has no sound.

    `known` tells whether a dictionary has a token: "well-known" is one token where it does and two where not.
    """
    text = _plain(written)
    if text in _TITLES:
        return [_TITLES[text]]
    if any(character.isdigit() for character in text):
        return [token for word in spell_out(text.strip('.,!?;:"()[]')) for token in _letters(word, known)]
    if _ABBREVIATION.fullmatch(text):
        return [letter for letter in text if letter != "."]
    if text in _SIGNS:
        return [_SIGNS[text]]
    return _letters(text, known)


def _plain(text: str) -> str:
    """Lower case, accents off, one kind of apostrophe."""
    decomposed = unicodedata.normalize("NFKD", text.lower().translate(_APOSTROPHES))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _letters(text: str, known: Callable[[str], bool]) -> list[str]:
    """Split at everything that is no letter, but for hyphens inside a known word."""
    whole = re.sub(r"[^a-z'-]", "", text).strip("'-")
    if "-" in whole and known(whole):
        return [whole]
    bare = [part if known(part) else part.strip("'") for part in re.findall(r"[a-z']+", text)]
    return [part for part in bare if any(letter.isalpha() for letter in part)]
