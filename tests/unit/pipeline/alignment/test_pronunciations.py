from __future__ import annotations

from pathlib import Path

import pocketsphinx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alignment.hmm.acoustic_model import SILENCE
from pipeline.alignment.hmm.sphinx_files import read_definition
from pipeline.alignment.letter_to_sound import pronounce
from pipeline.alignment.pronunciations import Pronunciations
from pipeline.errors import ModelCorrupt

MODEL = Path(pocketsphinx.get_model_path("en-us"))
SOUNDS = {*read_definition(MODEL / "en-us" / "mdef").names} - {SILENCE}
LINES = [
    "zoo Z UW",
    "read R EH D",
    "cat's K AE T S",
    "readable R IY D AH B AH L",
    "read(2) R IY D",
    "cat K AE T",
    "read's R IY D Z",
    "catalog K AE T AH L AO G",
    "x-ray EH K S R EY",
    "tomato(2) T AH M AA T OW",
    "tomato T AH M EY T OW",
    "tomato(3) T AH M EY T OW",
    "a EY",
    "a(2) AH",
    "abbey AE B IY",
    "'em AH M",
    "only(2) OW N L IY",
]


def dictionary(folder: Path, lines: list[str]) -> Pronunciations:
    file = folder / "words.dict"
    file.write_text("".join(f"{line}\n" for line in lines))
    return Pronunciations(file, SOUNDS)


@pytest.fixture
def small(tmp_path: Path) -> Pronunciations:
    return dictionary(tmp_path, LINES)


@pytest.fixture(scope="module")
def real() -> Pronunciations:
    return Pronunciations(MODEL / "cmudict-en-us.dict", SOUNDS)


@pytest.mark.parametrize("word", ["zoo", "read", "cat", "cat's", "read's", "readable", "x-ray", "a", "'em", "tomato"])
def test_words_with_a_line_are_known(small: Pronunciations, word: str) -> None:
    assert small.knows(word)


@pytest.mark.parametrize(
    "word", ["", "ca", "cats", "cat'", "reada", "x", "em", "zoos", "zz", "R", "Cat", "cat K", "only"]
)
def test_other_words_are_not(small: Pronunciations, word: str) -> None:
    """Among them beginnings of known words, what follows one on its line, and one with a second way only."""
    assert small.knows(word) == (word == "cat K")


@pytest.mark.parametrize(
    ("word", "ways"),
    [
        ("zoo", ["Z UW"]),
        ("read", ["R EH D", "R IY D"]),
        ("read's", ["R IY D Z"]),
        ("cat", ["K AE T"]),
        ("cat's", ["K AE T S"]),
        ("catalog", ["K AE T AH L AO G"]),
        ("a", ["EY", "AH"]),
        ("x-ray", ["EH K S R EY"]),
        ("'em", ["AH M"]),
        ("only", ["OW N L IY"]),
    ],
)
def test_a_word_is_said_in_all_ways_of_its_own_lines(small: Pronunciations, word: str, ways: list[str]) -> None:
    assert small.of(word) == [tuple(way.split()) for way in ways]


def test_two_lines_of_the_same_sounds_are_one_way(small: Pronunciations) -> None:
    assert small.of("tomato") == [("T", "AH", "M", "EY", "T", "OW"), ("T", "AH", "M", "AA", "T", "OW")]


@pytest.mark.parametrize("word", ["ca", "cats", "hansard", "bbc", "o'hare"])
def test_an_unknown_word_is_said_by_rule(small: Pronunciations, word: str) -> None:
    assert small.of(word) == [tuple(pronounce(word).split())]


@pytest.mark.parametrize("word", ["", "'", "...", "—", "1859"])
def test_what_has_no_letters_is_not_said(small: Pronunciations, word: str) -> None:
    assert small.of(word) == []


@given(st.permutations(LINES))
def test_the_order_of_lines_does_not_matter(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    shuffled = dictionary(tmp_path_factory.getbasetemp(), lines)
    assert shuffled.of("read") == [("R", "EH", "D"), ("R", "IY", "D")]
    assert shuffled.of("zoo") == [("Z", "UW")]
    assert shuffled.of("'em") == [("AH", "M")]
    assert not shuffled.knows("ca")


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_the_last_line_is_read_however_it_ends(tmp_path: Path, end: str) -> None:
    file = tmp_path / "words.dict"
    file.write_bytes(f"a EY{end or chr(10)}zoo Z UW{end}".encode())
    assert Pronunciations(file, SOUNDS).of("zoo") == [("Z", "UW")]


def test_an_empty_dictionary_knows_nothing(tmp_path: Path) -> None:
    empty = dictionary(tmp_path, [])
    assert not empty.knows("a")
    assert empty.of("bbc") == [tuple(pronounce("bbc").split())]


@pytest.mark.parametrize(
    "line", [b"word", b"word K AE X", b"word K # a remark", "word K \N{LATIN SMALL LETTER E WITH ACUTE}".encode()]
)
def test_a_damaged_line_is_refused_where_it_is_needed(tmp_path: Path, line: bytes) -> None:
    file = tmp_path / "words.dict"
    file.write_bytes(b"cat K AE T\n" + line.replace(b"word", b"word ", 1) + b"\n")
    words = Pronunciations(file, SOUNDS)
    assert words.of("cat") == [("K", "AE", "T")]
    with pytest.raises(ModelCorrupt, match="reinstall pocketsphinx"):
        words.of("word")


def test_a_missing_dictionary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match="reinstall pocketsphinx"):
        Pronunciations(tmp_path / "words.dict", SOUNDS)


def test_the_dictionary_beside_the_model_has_the_words_of_english(real: Pronunciations) -> None:
    assert real.of("the") == [("DH", "AH"), ("DH", "IY")]
    assert real.of("zywicki") == [("Z", "IH", "W", "IH", "K", "IY")]
    assert all(real.knows(word) for word in ("a", "'bout", "don't", "x-ray", "parliament"))
    assert not real.knows("hansards")


def test_every_line_of_the_dictionary_beside_the_model_has_sounds_that_the_model_has() -> None:
    lines = (MODEL / "cmudict-en-us.dict").read_text("ascii").splitlines()
    assert len(lines) > 100_000
    assert all(phones and set(phones) <= SOUNDS for _, *phones in (line.split(" ") for line in lines))
