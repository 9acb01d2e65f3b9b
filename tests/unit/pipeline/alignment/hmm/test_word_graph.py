"""Every way to say a row of words is a path, in the right contexts, and nothing else is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import cast

import pocketsphinx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alignment.hmm.acoustic_model import ALONE, FIRST, INSIDE, LAST, SILENCE, AcousticModel
from pipeline.alignment.hmm.word_graph import NO_WORD, START, Pronunciation, WordGraph, word_graph

FOLDER = Path(pocketsphinx.get_model_path("en-us"), "en-us")
Node = tuple[int, int]
"""Phone in context and word."""
Phone = tuple[int, int, int]
"""Base phone, word, position in the word."""

PRONUNCIATIONS = st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple), min_size=1, max_size=3)
WORDS = st.lists(PRONUNCIATIONS.map(lambda said: list(dict.fromkeys(said))), min_size=1, max_size=3)


class Distinct:
    """A model that knows every phone in every context; its number says which."""

    phones = {SILENCE: 0}  # noqa: RUF012 - as the model has it

    def in_context(self, phone: int, before: int, after: int, position: int) -> int:
        return 10 + ((position * 10 + phone) * 10 + before) * 10 + after


DISTINCT = cast("AcousticModel", Distinct())


@pytest.fixture(scope="module")
def model() -> AcousticModel:
    return AcousticModel.read(FOLDER)


def paths(graph: WordGraph) -> Iterator[tuple[Node, ...]]:
    """All of them, from a node that may begin to one that may end."""

    def to(node: int) -> Iterator[tuple[Node, ...]]:
        here = (graph.phones[node], graph.words[node])
        for before in graph.follows[node]:
            if before == START:
                yield (here,)
            else:
                yield from ((*path, here) for path in to(before))

    for end in graph.ends:
        yield from to(end)


def ways_to_say(model: AcousticModel, words: Sequence[Sequence[Pronunciation]]) -> Iterator[tuple[Node, ...]]:
    """What the paths should be: pronunciations, and silence or not before, between and behind the words."""
    silence = (model.phones[SILENCE], NO_WORD, INSIDE)
    for said in product(*words):
        for pauses in product([[], [silence]], repeat=len(words) + 1):
            row = [*pauses[0]]
            for number, (phones, pause) in enumerate(zip(said, pauses[1:], strict=True)):
                row += [*placed(phones, number), *pause]
            yield tuple(in_context(model, row, place) for place in range(len(row)))


def placed(phones: Pronunciation, word: int) -> list[Phone]:
    if len(phones) == 1:
        return [(phones[0], word, ALONE)]
    places = [FIRST, *[INSIDE] * (len(phones) - 2), LAST]
    return [(phone, word, place) for phone, place in zip(phones, places, strict=True)]


def in_context(model: AcousticModel, row: Sequence[Phone], at: int) -> Node:
    """Silence is the same everywhere, and beside the outermost phones."""
    phone, word, position = row[at]
    if word == NO_WORD:
        return phone, NO_WORD
    before = row[at - 1][0] if at else model.phones[SILENCE]
    after = row[at + 1][0] if at + 1 < len(row) else model.phones[SILENCE]
    return model.in_context(phone, before, after, position), word


def assert_all_ways(model: AcousticModel, words: Sequence[Sequence[Pronunciation]]) -> None:
    found = Counter(paths(word_graph(model, words)))
    assert found == Counter(ways_to_say(model, words))
    assert sum(found.values()) == 2 ** (len(words) + 1) * len(list(product(*words)))


@given(WORDS)
def test_paths_are_all_ways_to_say_the_words_each_once(words: list[list[Pronunciation]]) -> None:
    assert_all_ways(DISTINCT, words)


@given(WORDS)
def test_nodes_come_after_those_they_follow(words: list[list[Pronunciation]]) -> None:
    graph = word_graph(DISTINCT, words)
    assert len(graph.phones) == len(graph.words) == len(graph.follows)
    assert all(before < node for node, follows in enumerate(graph.follows) for before in follows)
    assert all(follows and len(set(follows)) == len(follows) for follows in graph.follows)


@given(WORDS)
def test_every_node_is_on_a_path(words: list[list[Pronunciation]]) -> None:
    graph = word_graph(DISTINCT, words)
    needed = set(graph.ends)
    for node in range(len(graph.phones) - 1, -1, -1):
        assert node in needed
        needed.update(graph.follows[node])
    assert len(set(graph.ends)) == len(graph.ends)


SAID = {
    "a": ["AH", "EY"],
    "the": ["DH AH", "DH IY"],
    "eye": ["AY"],
    "read": ["R EH D", "R IY D"],
    "tomato": ["T AH M EY T OW", "T AH M AA T OW"],
    "zoo": ["Z UW"],
}


@pytest.mark.parametrize(
    "sentence", ["zoo", "eye", "a", "read", "the zoo", "a eye", "eye a", "read the tomato", "a the a", "eye eye eye"]
)
def test_with_the_real_model_phones_have_the_contexts_of_their_path(sentence: str, model: AcousticModel) -> None:
    words = [[tuple(model.phones[phone] for phone in said.split()) for said in SAID[word]] for word in sentence.split()]
    assert_all_ways(model, words)


def test_a_word_is_one_way_through_with_silence_around_it_or_not() -> None:
    """A word of two phones, spelled out: silence, its phones beside it, and silence behind."""
    graph = word_graph(DISTINCT, [[(1, 2)]])
    first, last = DISTINCT.in_context(1, 0, 2, FIRST), DISTINCT.in_context(2, 1, 0, LAST)
    assert set(paths(graph)) == {
        ((first, 0), (last, 0)),
        ((0, NO_WORD), (first, 0), (last, 0)),
        ((first, 0), (last, 0), (0, NO_WORD)),
        ((0, NO_WORD), (first, 0), (last, 0), (0, NO_WORD)),
    }


def test_a_graph_grows_with_its_words_and_not_with_the_ways_through() -> None:
    word = [(1, 2, 3), (2, 2, 3), (3, 1, 1)]
    ten, twenty, thirty = (len(word_graph(DISTINCT, [word] * count).phones) for count in (10, 20, 30))
    assert thirty - twenty == twenty - ten
