from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alignment.letter_to_sound import pronounce, spell

PHONES = frozenset(
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH".split()  # noqa: SIM905
)


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("hansard", "HH AE N S AA R D"),
        ("smythe", "S M IH TH"),
        ("naming", "N AE M IH NG"),
        ("tones", "T OW N Z"),
        ("whisper", "W IH S P ER"),
        ("knight", "N AY T"),
        ("station", "S T AE SH AH N"),
        ("cecil", "S EH S IH L"),
        ("mcphee", "M AH K F IY"),
        ("bobby", "B AA B IY"),
        ("bbc", "B IY B IY S IY"),
    ],
)
def test_words_sound_roughly_right(word: str, phones: str) -> None:
    assert pronounce(word) == phones


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz'", max_size=15))
def test_every_word_of_letters_gets_phones_the_acoustic_model_has(word: str) -> None:
    phones = pronounce(word).split()
    assert set(phones) <= PHONES
    assert bool(phones) == any(letter.isalpha() for letter in word)


def test_abbreviations_are_spelled() -> None:
    assert spell("ABC") == "EY B IY S IY"


def test_what_has_no_letters_has_no_sound() -> None:
    assert pronounce("...") == ""
