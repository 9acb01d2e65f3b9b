from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alignment.numerals import cardinal, ordinal, spell_out, year


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("0", "zero"),
        ("13", "thirteen"),
        ("42", "forty two"),
        ("100", "one hundred"),
        ("1,234", "one thousand two hundred thirty four"),
        ("1,000,001", "one million one"),
        ("$1,250.50", "one thousand two hundred fifty dollars fifty cents"),
        ("1995", "nineteen ninety five"),
        ("1905", "nineteen oh five"),
        ("1900", "nineteen hundred"),
        ("2005", "two thousand five"),
        ("2015", "twenty fifteen"),
        ("3500", "three thousand five hundred"),
        ("3.14", "three point one four"),
        (".5", "point five"),
        ("-3", "minus three"),
        ("50%", "fifty percent"),
        ("2.5%", "two point five percent"),
        ("$1", "one dollar"),
        ("$5", "five dollars"),
        ("$2.50", "two dollars fifty cents"),
        ("$0.99", "ninety nine cents"),
        ("£20", "twenty pounds"),
        ("$1.5m", "one point five million dollars"),
        ("1st", "first"),
        ("12th", "twelfth"),
        ("23rd", "twenty third"),
        ("80th", "eightieth"),
        ("1990s", "nineteen nineties"),
        ("'60s", "sixties"),
        ("10:30", "ten thirty"),
        ("9:05", "nine oh five"),
        ("8:00", "eight"),
        ("1/2", "one half"),
        ("3/4", "three quarters"),
        ("2/3", "two thirds"),
        ("24/7", "twenty four seven"),
        ("007", "zero zero seven"),
        ("555-1234", "five five five one two three four"),
        ("B2B", "b two b"),
        ("7pm", "seven pm"),
        ("COVID-19", "covid nineteen"),
    ],
)
def test_numbers_are_said_as_people_say_them(written: str, said: str) -> None:
    assert " ".join(spell_out(written)) == said


@given(st.integers(0, 10**18))
def test_every_whole_number_can_be_said_in_letters(number: int) -> None:
    for words in (cardinal(number), ordinal(number)):
        assert words
        assert all(word.isalpha() for word in words)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_different_numbers_are_said_differently(one: int, other: int) -> None:
    assert (cardinal(one) == cardinal(other)) == (one == other)


@given(st.integers(1100, 2099))
def test_every_year_can_be_said(number: int) -> None:
    assert all(word.isalpha() for word in year(number))


@given(st.text(alphabet="0123456789.,-+%$£€:/'ksthrdnbm ", max_size=12))
def test_no_spelling_breaks_it_and_only_letters_come_out(text: str) -> None:
    assert all(word.isalpha() for word in spell_out(text))
