from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.asr.search.beam import ALIKE, MARGIN, Beam, Text

END = 9


def beam(size: int = 3, limit: int = 50, texts: list[Text] | None = None) -> Beam:
    return Beam(size, limit, END, texts or [Text()])


def advance(one: Beam, *options: Mapping[int, float]) -> list[int]:
    """Go on, given the log-probability of every token that may follow each text."""
    ranked = [sorted(each.items(), key=lambda option: -option[1]) for each in options]
    return one.advance(
        [[token for token, _ in each] for each in ranked], [[logprob for _, logprob in each] for each in ranked]
    )


def tokens(one: Beam) -> list[tuple[int, ...]]:
    return [text.tokens for text in one.texts]


def test_the_likeliest_texts_are_followed_the_likeliest_first() -> None:
    one = beam(size=2)
    assert advance(one, {1: -0.2, 2: -0.1, 3: -0.3}) == [0, 0]
    assert tokens(one) == [(2,), (1,)]
    assert advance(one, {3: -0.5, 4: -0.6}, {5: -0.1, 6: -0.9}) == [1, 0]
    assert tokens(one) == [(1, 5), (2, 3)]
    assert [text.score for text in one.texts] == pytest.approx([-0.3, -0.6])
    assert one.texts[0].logprobs == (-0.2, -0.1)


def test_what_is_much_less_likely_than_the_best_is_not_followed() -> None:
    one = beam()
    advance(one, {1: -0.1, 2: -0.1 - MARGIN + 0.01, 3: -0.1 - MARGIN - 0.01})
    assert tokens(one) == [(1,), (2,)]


def test_of_texts_that_go_on_alike_the_likelier_is_followed() -> None:
    ending = tuple(range(ALIKE - 1))
    texts = [Text((7, *ending), (-0.1,) * ALIKE, -0.5), Text((8, *ending), (-0.1,) * ALIKE, -0.6)]
    one = beam(texts=texts)
    assert advance(one, {4: -0.1, 5: -0.2}, {4: -0.1, 5: -0.1}) == [0, 0]
    assert tokens(one) == [(7, *ending, 4), (7, *ending, 5)]


def test_short_texts_are_not_taken_for_alike() -> None:
    """Two that begin differently may still go different ways."""
    one = beam(texts=[Text((1,), (-0.1,), -0.1), Text((2,), (-0.2,), -0.2)])
    advance(one, {4: -0.1}, {4: -0.1})
    assert tokens(one) == [(1, 4), (2, 4)]


def test_a_text_is_finished_by_its_end_which_counts_as_a_token() -> None:
    one = beam(texts=[Text((1, 2), (-0.1, -0.2), -0.3)])
    assert advance(one, {END: -0.3, 4: -2.0}) == []
    assert one.texts == []
    assert one.best.tokens == (1, 2)
    assert one.best.score == pytest.approx(-0.6)
    assert one.best.mean == pytest.approx(-0.2)


def test_a_text_that_may_more_likely_go_on_is_followed_beside_its_end() -> None:
    one = beam()
    advance(one, {1: -0.1})
    advance(one, {END: -0.9, 2: -0.5})
    assert tokens(one) == [(1, 2)]
    assert [text.tokens for text in one.finished] == [(1,)]


def test_an_unlikely_end_finishes_nothing() -> None:
    one = beam()
    advance(one, {1: -0.1})
    advance(one, {2: -0.1, END: -0.2 - MARGIN})
    assert one.finished == []


def test_the_search_is_over_when_no_text_can_become_likelier_than_a_finished_one() -> None:
    """Which need not be the last one. Of the finished ones the best mean wins, so that short texts do not."""
    one = beam()
    advance(one, {1: -0.2})
    advance(one, {2: -0.4, END: -0.5})
    assert one.texts
    advance(one, {3: -0.05, END: -0.5})
    assert tokens(one) == [(1, 2, 3)]
    advance(one, {4: -0.1, END: -0.3})
    assert one.texts == []
    assert [text.score for text in one.finished] == pytest.approx([-0.7, -1.1, -0.95])
    assert one.best.tokens == (1, 2, 3)


def test_at_the_limit_texts_are_finished_as_they_are() -> None:
    one = beam(limit=2)
    advance(one, {1: -0.1})
    assert advance(one, {2: -0.1, 3: -0.2}) == []
    assert one.texts == []
    assert [text.tokens for text in one.finished] == [(1, 2), (1, 3)]
    assert one.best.tokens == (1, 2)


@given(st.integers(1, 5), st.data())
def test_any_search_ends_within_its_limit_with_a_text(size: int, data: st.DataObject) -> None:
    one, steps = beam(size=size, limit=8), 0
    while one.texts:
        shares = st.lists(st.floats(0.01, 1), min_size=size + 1, max_size=size + 1)
        options = [
            dict(zip(range(END - size, END + 1), [math.log(share) for share in data.draw(shares)], strict=True))
            for _ in one.texts
        ]
        before = tokens(one)
        parents = advance(one, *options)
        steps += 1
        assert len(parents) == len(one.texts) <= size
        assert all(text.tokens[:-1] == before[parent] for parent, text in zip(parents, one.texts, strict=True))
        assert all(text.score == pytest.approx(sum(text.logprobs)) for text in one.texts)
    assert steps <= 8
    assert len(one.best.tokens) <= 8
