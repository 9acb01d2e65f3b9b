from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alignment.english import spoken_tokens

DICTIONARY = {"don't", "x-ray", "well", "known", "'em", "uh-huh"}


@pytest.mark.parametrize(
    ("written", "tokens"),
    [
        ("Hello,", ["hello"]),
        ("don\N{RIGHT SINGLE QUOTATION MARK}t", ["don't"]),
        ("x-ray", ["x-ray"]),
        ("well-known", ["well", "known"]),
        ("'em", ["'em"]),
        ("'quoted'", ["quoted"]),
        ("Café.", ["cafe"]),
        ("Mr.", ["mister"]),
        ("U.S.", ["u", "s"]),
        ("&", ["and"]),
        ("50%,", ["fifty", "percent"]),
        ("(2015)", ["twenty", "fifteen"]),
        ("B2B", ["b", "two", "b"]),
        ("...", []),
        ("-", []),
        ("你好", []),
    ],
)
def test_a_written_word_becomes_what_is_said(written: str, tokens: list[str]) -> None:
    assert spoken_tokens(written, DICTIONARY.__contains__) == tokens


@given(st.text(max_size=20))
def test_tokens_hold_nothing_but_letters_apostrophes_and_hyphens(written: str) -> None:
    for token in spoken_tokens(written, DICTIONARY.__contains__):
        assert token
        assert set(token) <= set("abcdefghijklmnopqrstuvwxyz'-")
