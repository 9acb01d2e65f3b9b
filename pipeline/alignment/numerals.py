"""Numbers as they are said in English, so that an aligner can find them in the audio.

Which of several readings was said cannot be known from the text; the commonest is taken. It need only be close: the
aligner stretches what it is given over the audio between the neighbouring words.
"""

# ruff: noqa: PLR2004 - numbers are this module's subject
from __future__ import annotations

import re

_ONES = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
_TENS = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand"))
_LARGEST = 10**15
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_LARGEST_FRACTION = 10
_CURRENCIES = {
    "$": ("dollar", "dollars", "cents"),
    "£": ("pound", "pounds", "pence"),
    "€": ("euro", "euros", "cents"),
}
_MAGNITUDES = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion"}
_YEARS = range(1100, 2100)

_MONEY = re.compile(r"([$£€])(\d+)(?:\.(\d+))?(k|m|bn?)?")
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")
_DECADE = re.compile(r"'?(\d*0)'?s")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_FRACTION = re.compile(r"(\d+)/(\d+)")
_DECIMAL = re.compile(r"([-+]?)(\d*)\.(\d+)(%?)")
_WHOLE = re.compile(r"([-+]?)(\d+)(%?)")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+")
_SIGNS = {"-": ["minus"], "+": ["plus"], "": []}


def spell_out(text: str) -> list[str]:
    """Say a token that holds digits, as lower-case words: `$2.50`, `1,234`, `1995`, `50%`, `3rd`, `10:30`, `'90s`.

    What follows none of these patterns (`B2B`, `555-1234`) is said piece by piece.
    """
    token = text.lower()
    if _GROUPED.search(token):
        # A number written with commas is no year.
        token = token.replace(",", "")
        if token.isdigit():
            return cardinal(int(token))
    for pattern, say in _READINGS:
        match = pattern.fullmatch(token)
        if match:
            return say(match)
    pieces = re.findall(r"\d+|[^\W\d_]+", token)
    if len(pieces) < 2:
        return [word for piece in pieces for word in (_digits(piece) if piece.isdigit() else [piece])]
    return [word for piece in pieces for word in (_piece(piece) if piece.isdigit() else [piece])]


def cardinal(number: int) -> list[str]:
    """Say a whole number, 0 or more."""
    if number >= _LARGEST:
        return _digits(str(number))
    if number < len(_ONES):
        return [_ONES[number]]
    if number < 100:
        tens, ones = divmod(number, 10)
        return [_TENS[tens], *([_ONES[ones]] if ones else [])]
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return [_ONES[hundreds], "hundred", *(cardinal(rest) if rest else [])]
    scale, name = next((scale, name) for scale, name in _SCALES if number >= scale)
    count, rest = divmod(number, scale)
    return [*cardinal(count), name, *(cardinal(rest) if rest else [])]


def ordinal(number: int) -> list[str]:
    """Say a rank, 0 or more."""
    *before, last = cardinal(number)
    if last in _ORDINALS:
        return [*before, _ORDINALS[last]]
    return [*before, last[:-1] + "ieth" if last.endswith("y") else last + "th"]


def year(number: int) -> list[str]:
    """Say a year: nineteen ninety five, nineteen oh five, nineteen hundred, two thousand five."""
    century, rest = divmod(number, 100)
    if rest == 0 and century % 10:
        return [*cardinal(century), "hundred"]
    if century % 10 == 0 and rest < 10:
        return cardinal(number)
    return [*cardinal(century), *(["oh", _ONES[rest]] if rest < 10 else cardinal(rest))]


def _piece(digits: str) -> list[str]:
    """Say a number inside a longer token: short ones as numbers, long or padded ones digit by digit."""
    return cardinal(int(digits)) if len(digits) <= 2 and digits[0] != "0" else _digits(digits)


def _digits(text: str) -> list[str]:
    return [_ONES[int(digit)] for digit in text]


def _plural(words: list[str]) -> list[str]:
    last = words[-1]
    plural = last[:-1] + "ies" if last.endswith("y") else last + ("es" if last.endswith("x") else "s")
    return [*words[:-1], plural]


def _number(digits: str) -> list[str]:
    """Say digits as a number, as a year where they look like one, or one by one behind a leading zero."""
    if len(digits) > 1 and digits[0] == "0":
        return _digits(digits)
    return year(int(digits)) if len(digits) == 4 and int(digits) in _YEARS else cardinal(int(digits))


def _say_whole(match: re.Match[str]) -> list[str]:
    sign, digits, percent = match.groups()
    return [*_SIGNS[sign], *_number(digits), *(["percent"] if percent else [])]


def _say_decimal(match: re.Match[str]) -> list[str]:
    sign, whole, decimals, percent = match.groups()
    ahead = cardinal(int(whole)) if whole else []
    return [*_SIGNS[sign], *ahead, "point", *_digits(decimals), *(["percent"] if percent else [])]


def _say_money(match: re.Match[str]) -> list[str]:
    sign, whole, decimals, magnitude = match.groups()
    one, many, small = _CURRENCIES[sign]
    if magnitude or (decimals and len(decimals) != 2):
        point = ["point", *_digits(decimals)] if decimals else []
        return [*cardinal(int(whole)), *point, *([_MAGNITUDES[magnitude]] if magnitude else []), many]
    amount = [*cardinal(int(whole)), one if int(whole) == 1 else many]
    if not decimals or not int(decimals):
        return amount
    return [*(amount if int(whole) else []), *cardinal(int(decimals)), small]


def _say_ordinal(match: re.Match[str]) -> list[str]:
    return ordinal(int(match[1]))


def _say_decade(match: re.Match[str]) -> list[str]:
    return _plural(_number(match[1]))


def _say_time(match: re.Match[str]) -> list[str]:
    hours, minutes, seconds = match.groups()
    words = cardinal(int(hours))
    for part in (minutes, seconds):
        if part and int(part):
            words += ["oh", _ONES[int(part)]] if int(part) < 10 else cardinal(int(part))
    return words


def _say_fraction(match: re.Match[str]) -> list[str]:
    top, bottom = int(match[1]), int(match[2])
    if top >= bottom or bottom > _LARGEST_FRACTION:
        return [*cardinal(top), *cardinal(bottom)]
    name = {2: ["half"], 4: ["quarter"]}.get(bottom) or ordinal(bottom)
    if top == 1:
        return ["one", *name]
    return [*cardinal(top), *(["halves"] if bottom == 2 else _plural(name))]


_READINGS = (
    (_WHOLE, _say_whole),
    (_DECIMAL, _say_decimal),
    (_MONEY, _say_money),
    (_ORDINAL, _say_ordinal),
    (_DECADE, _say_decade),
    (_TIME, _say_time),
    (_FRACTION, _say_fraction),
)
