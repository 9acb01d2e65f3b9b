"""All ways to say a row of words, as a graph of phones in context, with silence between words or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pipeline.alignment.hmm.acoustic_model import ALONE, FIRST, INSIDE, LAST, SILENCE, AcousticModel

Pronunciation = tuple[int, ...]
"""Base phones, by number."""
START: Final = -1
"""Where a path begins, as a node that another may follow."""
NO_WORD: Final = -1


@dataclass(frozen=True, slots=True)
class WordGraph:
    """Nodes are phones in context; they come after those that they may follow."""

    phones: list[int] = field(default_factory=list)
    """Phone in context, by node."""
    words: list[int] = field(default_factory=list)
    """Word that a node is part of, by node; `NO_WORD` for silence."""
    follows: list[list[int]] = field(default_factory=list)
    """The nodes that a node may follow, by node."""
    ends: list[int] = field(default_factory=list)
    """Nodes a path may end with."""

    def add(self, phone: int, word: int, follows: list[int]) -> int:
        """Add a node and give its number."""
        self.phones.append(phone)
        self.words.append(word)
        self.follows.append(follows)
        return len(self.phones) - 1


@dataclass(frozen=True, slots=True)
class _Exit:
    """A way out of a word, or of the silence behind it."""

    node: int
    phone: int
    """What the next phone has before it."""
    towards: int | None
    """The next phone, as this one was said with it in view; None where that does not matter."""


def word_graph(model: AcousticModel, words: Sequence[Sequence[Pronunciation]]) -> WordGraph:
    """The graph of one or more words with at least one pronunciation each, of at least one phone.

    A phone's context reaches into the neighbouring words, so that a word begins with as many variants of its first
    phone as there are ways to end the word before, silence among them.
    """
    graph, silence = WordGraph(), model.phones[SILENCE]
    exits = [_Exit(START, silence, None), _Exit(graph.add(silence, NO_WORD, [START]), silence, None)]
    for number, pronunciations in enumerate(words):
        following = words[number + 1] if number + 1 < len(words) else ()
        after = sorted({silence, *(pronunciation[0] for pronunciation in following)})
        said = [
            way for pronunciation in pronunciations for way in _said(graph, model, number, pronunciation, exits, after)
        ]
        into_silence = [way.node for way in said if way.towards == silence]
        pause = graph.add(silence, NO_WORD, into_silence)
        exits = [*(way for way in said if way.towards != silence), _Exit(pause, silence, None)]
    graph.ends.extend([*into_silence, pause])
    return graph


def _said(
    graph: WordGraph,
    model: AcousticModel,
    word: int,
    phones: Pronunciation,
    exits: Sequence[_Exit],
    after: Sequence[int],
) -> list[_Exit]:
    """Add one pronunciation of a word: from the ways out of what comes before to the ways out of it."""
    head, last = phones[0], len(phones) - 1
    entries = [
        (before, nodes)
        for before in sorted({way.phone for way in exits})
        if (nodes := [way.node for way in exits if way.phone == before and way.towards in {None, head}])
    ]
    if last == 0:
        return [
            _Exit(graph.add(model.in_context(head, before, behind, ALONE), word, nodes), head, behind)
            for before, nodes in entries
            for behind in after
        ]
    reached = [graph.add(model.in_context(head, before, phones[1], FIRST), word, nodes) for before, nodes in entries]
    for place in range(1, last):
        phone = model.in_context(phones[place], phones[place - 1], phones[place + 1], INSIDE)
        reached = [graph.add(phone, word, reached)]
    return [
        _Exit(
            graph.add(model.in_context(phones[last], phones[last - 1], behind, LAST), word, reached),
            phones[last],
            behind,
        )
        for behind in after
    ]
