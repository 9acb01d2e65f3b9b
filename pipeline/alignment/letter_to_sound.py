"""A rough English pronunciation for words that are in no dictionary: names, above all.

Rough is enough to place a word in time: with one of six words pronounced like this, their starts were as good as
those of known words (16 ms median against hand labels); leaving them out spoiled their neighbours as well.
"""

from __future__ import annotations

from collections.abc import Mapping

_FRONT = "eiy"
_VOWELS = "aeiouy"

_ENDINGS: Mapping[str, str] = {
    "tion": "SH AH N",
    "sion": "ZH AH N",
    "cian": "SH AH N",
    "tious": "SH AH S",
    "cious": "SH AH S",
    "ture": "CH ER",
    "sure": "ZH ER",
    "able": "AH B AH L",
    "ible": "AH B AH L",
    "ough": "OW",
    "ism": "IH Z AH M",
    "age": "IH JH",
    "que": "K",
    "gue": "G",
    "ble": "B AH L",
    "ple": "P AH L",
    "tle": "T AH L",
    "dle": "D AH L",
    "gle": "G AH L",
    "kle": "K AH L",
    "ous": "AH S",
    "ed": "D",
    "es": "Z",
    "le": "AH L",
    "y": "IY",
    "a": "AH",
    "o": "OW",
    "i": "IY",
    "s": "Z",
}
"""Sounds that letters have at the end of a word only; longest first."""

_BEGINNINGS: Mapping[str, str] = {
    "kn": "N",
    "gn": "N",
    "ps": "S",
    "pn": "N",
    "wr": "R",
    "rh": "R",
    "mc": "M AH K",
    "mac": "M AH K",
    "sch": "SH",
    "wh": "W",
    "x": "Z",
    "y": "Y",
}
"""Sounds that letters have at the beginning of a word only."""

_GROUPS: Mapping[str, str] = {
    "eigh": "EY",
    "augh": "AO",
    "ough": "AO",
    "igh": "AY",
    "tch": "CH",
    "dge": "JH",
    "sch": "S K",
    "eau": "OW",
    "air": "EH R",
    "ear": "IH R",
    "eer": "IH R",
    "our": "AO R",
    "oor": "AO R",
    "ch": "CH",
    "sh": "SH",
    "th": "TH",
    "ph": "F",
    "gh": "G",
    "ck": "K",
    "ng": "NG",
    "nk": "NG K",
    "qu": "K W",
    "sc": "S K",
    "ee": "IY",
    "ea": "IY",
    "oo": "UW",
    "ou": "AW",
    "ow": "OW",
    "oi": "OY",
    "oy": "OY",
    "ai": "EY",
    "ay": "EY",
    "ei": "EY",
    "ey": "IY",
    "ie": "IY",
    "oa": "OW",
    "au": "AO",
    "aw": "AO",
    "ew": "UW",
    "ue": "UW",
    "ui": "UW",
    "ar": "AA R",
    "er": "ER",
    "ir": "ER",
    "ur": "ER",
    "or": "AO R",
    "zh": "ZH",
    "kh": "K",
}
"""Letters that make one sound together, anywhere."""

_LETTERS: Mapping[str, str] = {
    "a": "AE",
    "b": "B",
    "c": "K",
    "d": "D",
    "e": "EH",
    "f": "F",
    "g": "G",
    "h": "HH",
    "i": "IH",
    "j": "JH",
    "k": "K",
    "l": "L",
    "m": "M",
    "n": "N",
    "o": "AA",
    "p": "P",
    "q": "K",
    "r": "R",
    "s": "S",
    "t": "T",
    "u": "AH",
    "v": "V",
    "w": "W",
    "x": "K S",
    "y": "IH",
    "z": "Z",
}

_LONG: Mapping[str, str] = {"a": "EY", "e": "IY", "i": "AY", "o": "OW", "u": "UW", "y": "AY"}
"""Vowels before a single consonant and a silent e: name, theme, time, tone, tune, type."""

_NAMES: Mapping[str, str] = {
    "a": "EY",
    "b": "B IY",
    "c": "S IY",
    "d": "D IY",
    "e": "IY",
    "f": "EH F",
    "g": "JH IY",
    "h": "EY CH",
    "i": "AY",
    "j": "JH EY",
    "k": "K EY",
    "l": "EH L",
    "m": "EH M",
    "n": "EH N",
    "o": "OW",
    "p": "P IY",
    "q": "K Y UW",
    "r": "AA R",
    "s": "EH S",
    "t": "T IY",
    "u": "Y UW",
    "v": "V IY",
    "w": "D AH B AH L Y UW",
    "x": "EH K S",
    "y": "W AY",
    "z": "Z IY",
}
"""What the letters are called."""


def pronounce(word: str) -> str:
    """ARPABET phones, separated by spaces, of a word of the letters a-z and apostrophes; empty where it has none."""
    letters = "".join(letter for letter in word.lower() if letter in _LETTERS)
    if not letters:
        return ""
    if not any(letter in _VOWELS for letter in letters):
        return spell(letters)
    phones: list[str] = []
    position = 0
    while position < len(letters):
        length, sound = _next_sound(letters, position)
        phones += sound.split()
        position += length
    return " ".join(phones)


def spell(letters: str) -> str:
    """Phones of letters named one by one, as in an abbreviation."""
    return " ".join(_NAMES[letter] for letter in letters.lower() if letter in _NAMES)


def _next_sound(letters: str, position: int) -> tuple[int, str]:
    """Number of letters that the next sound takes, and its phones."""
    rest = letters[position:]
    edge = _beginning(letters) if position == 0 else _ending(letters[:position], rest)
    return edge or _in_context(rest, position) or _anywhere(rest)


def _beginning(letters: str) -> tuple[int, str] | None:
    for group, sound in _BEGINNINGS.items():
        if letters.startswith(group) and len(letters) > len(group):
            return len(group), sound
    return None


def _ending(before: str, rest: str) -> tuple[int, str] | None:
    voiced = any(letter in _VOWELS for letter in before)
    if rest == "e":
        return 1, "" if voiced else "IY"
    return (len(rest), _ENDINGS[rest]) if voiced and rest in _ENDINGS else None


def _in_context(rest: str, position: int) -> tuple[int, str] | None:
    """Sounds that depend on the next letters: doubled consonants, soft c and g, long vowels."""
    following = rest[1:2]
    if following == rest[0] and rest[0] not in _VOWELS:
        return 1, ""
    if rest[0] == "c" and following and following in _FRONT:
        return 1, "S"
    if rest[0] == "g" and following and following in _FRONT and position > 0:
        return 1, "JH"
    return (1, _LONG[rest[0]]) if _is_long(rest) else None


def _anywhere(rest: str) -> tuple[int, str]:
    for size in (4, 3, 2):
        if rest[:size] in _GROUPS:
            return len(rest[:size]), _GROUPS[rest[:size]]
    return 1, _LETTERS[rest[0]]


def _is_long(rest: str) -> bool:
    """Tell whether a vowel stands before one consonant and a final e or es."""
    return rest[0] in _LONG and rest[2:] in {"e", "es", "ed"} and rest[1] not in _VOWELS + "rwx"
