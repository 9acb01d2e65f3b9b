"""The likeliest path, against one found state by state over all that may follow each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pocketsphinx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alignment.hmm import best_path as best_path_module
from pipeline.alignment.hmm.acoustic_model import SILENCE, AcousticModel
from pipeline.alignment.hmm.best_path import PlacedWord, best_path
from pipeline.alignment.hmm.sphinx_files import read_gaussians, read_weights
from pipeline.alignment.hmm.word_graph import NO_WORD, START, Pronunciation, WordGraph, word_graph
from pipeline.types import FloatArray

FOLDER = Path(pocketsphinx.get_model_path("en-us"), "en-us")
PAUSE = best_path_module._PAUSE
BASES, TRIPHONES, DISTRIBUTIONS = 7, 60, 80
SILENT, SOUNDS = 3, (0, 1, 2, 4, 5, 6)
"""The base phones of the small model: as in a real one, some are numbered below silence and some above."""
QUIET = slice(0, 3)
"""The distributions of silence in the small model."""
Words = Sequence[Sequence[Pronunciation]]
State = tuple[int, int]
"""Node and which of its three states."""


@dataclass(frozen=True)
class SmallModel:
    """Six base phones and silence, whose features are the log-likelihoods of its distributions."""

    senones: npt.NDArray[np.int64]
    stay: FloatArray
    leave: FloatArray
    phones: dict[str, int] = field(default_factory=lambda: {SILENCE: SILENT})

    def in_context(self, phone: int, before: int, after: int, position: int) -> int:
        return BASES + (17 * phone + 7 * before + 5 * after + position) % TRIPHONES

    def log_likelihoods(self, features: FloatArray, senones: npt.NDArray[np.int64]) -> FloatArray:
        return np.asarray(features[0][:, senones], dtype=np.float32)


def small_model(seed: int = 0) -> AcousticModel:
    random = np.random.default_rng(seed)
    senones = random.integers(3, DISTRIBUTIONS, (BASES + TRIPHONES, 3))
    senones[SILENT] = (0, 1, 2)
    return with_moves(senones, random.uniform(0.2, 0.95, senones.shape))


def with_moves(senones: npt.NDArray[np.int64], stay: npt.NDArray[np.float64]) -> AcousticModel:
    small = SmallModel(senones, np.log(stay).astype(np.float32), np.log(1 - stay).astype(np.float32))
    return cast("AcousticModel", small)


def changing(frames: int, seed: int) -> FloatArray:
    """Features of the small model that hold for six frames or so, silence heard in a third of them."""
    random = np.random.default_rng(seed)
    levels = -random.gamma(2.0, 5.0, (frames // 6 + 1, DISTRIBUTIONS))
    levels[:, QUIET] = np.where(random.random((len(levels), 1)) < 1 / 3, -0.5, -30.0)
    held = np.repeat(levels, 6, axis=0)[:frames]
    return np.asarray(held - random.gamma(1.0, 2.0, held.shape), dtype=np.float32)[None]


def random_words(count: int, seed: int) -> list[list[Pronunciation]]:
    random = np.random.default_rng(seed)
    return [
        [tuple(random.choice(SOUNDS, random.integers(1, 5)).tolist()) for _ in range(random.integers(1, 4))]
        for _ in range(count)
    ]


def shortest(words: Words) -> int:
    """Frames that the words need at least."""
    return sum(3 * min(len(said) for said in pronunciations) for pronunciations in words)


def every_frame(model: AcousticModel, graph: WordGraph, features: FloatArray) -> list[dict[int, float]]:
    """Log-likelihood by distribution: looked at in every second frame, half way in between, held at the end."""
    used = sorted({senone for phone in graph.phones for senone in model.senones[phone].tolist()})
    frames = features.shape[1]
    looked_at = {
        frame: model.log_likelihoods(features[:, frame : frame + 1], np.array(used))[0].astype(np.float64)
        for frame in range(0, frames, 2)
    }
    rows = [
        looked_at[frame]
        if frame in looked_at
        else (looked_at[frame - 1] + looked_at.get(frame + 1, looked_at[frame - 1])) / 2
        for frame in range(frames)
    ]
    return [dict(zip(used, row.tolist(), strict=True)) for row in rows]


def state_by_state(model: AcousticModel, graph: WordGraph, features: FloatArray) -> tuple[float, list[State]] | None:
    """The likeliest path and its score, from what each state of each frame may come from."""
    heard = every_frame(model, graph, features)
    price = [PAUSE if word == NO_WORD else 0.0 for word in graph.words]

    def fit(frame: int, state: State) -> float:
        return heard[frame][int(model.senones[graph.phones[state[0]], state[1]])]

    def move(table: FloatArray, state: State) -> float:
        return float(table[graph.phones[state[0]], state[1]])

    scores = {
        (node, 0): price[node] + fit(0, (node, 0)) for node, follows in enumerate(graph.follows) if START in follows
    }
    came_from: list[dict[State, State]] = []
    for frame in range(1, len(heard)):
        reached: dict[State, float] = {}
        origin: dict[State, State] = {}
        for node, follows in enumerate(graph.follows):
            for number in range(3):
                state = (node, number)
                options = {state: move(model.stay, state)}
                for other in [(node, number - 1)] if number else [(before, 2) for before in follows if before != START]:
                    options[other] = move(model.leave, other) + (0 if number else price[node])
                possible = {other: scores[other] + cost for other, cost in options.items() if other in scores}
                if possible:
                    origin[state] = max(possible, key=lambda other: possible[other])
                    reached[state] = possible[origin[state]] + fit(frame, state)
        scores = reached
        came_from.append(origin)
    ends = [(node, 2) for node in graph.ends if (node, 2) in scores]
    if not ends:
        return None
    path = [max(ends, key=lambda state: scores[state])]
    best = scores[path[0]]
    for origin in reversed(came_from):
        path.append(origin[path[-1]])
    return best, path[::-1]


def placed_state_by_state(
    model: AcousticModel, graph: WordGraph, features: FloatArray, words: int
) -> list[PlacedWord] | None:
    found = state_by_state(model, graph, features)
    if found is None:
        return None
    _, path = found
    heard = every_frame(model, graph, features)
    fits = [
        row[int(model.senones[graph.phones[node], number])] for row, (node, number) in zip(heard, path, strict=True)
    ]
    frames = [[frame for frame, (node, _) in enumerate(path) if graph.words[node] == word] for word in range(words)]
    return [PlacedWord(here[0], here[-1], sum(fits[frame] for frame in here) / len(here)) for here in frames]


def assert_places(found: list[PlacedWord] | None, expected: list[PlacedWord] | None) -> None:
    assert found is not None
    assert expected is not None
    assert [(word.first, word.last) for word in found] == [(word.first, word.last) for word in expected]
    assert [word.score for word in found] == pytest.approx([word.score for word in expected], abs=1e-3)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("count", [1, 2, 3])
def test_words_are_where_the_path_found_state_by_state_has_them(count: int, seed: int) -> None:
    model, words = small_model(seed), random_words(count, seed)
    features = changing(shortest(words) + 7 * (seed % 5) + seed % 3, 100 * seed + count)
    graph = word_graph(model, words)
    found = best_path(model, graph, features)
    assert_places(found, placed_state_by_state(model, graph, features, count))


@given(words=st.integers(1, 4), seed=st.integers(0, 10_000), extra=st.integers(0, 60))
def test_every_word_has_three_frames_a_phone_behind_the_word_before(words: int, seed: int, extra: int) -> None:
    model, said = small_model(seed), random_words(words, seed)
    frames = shortest(said) + extra
    placed = best_path(model, word_graph(model, said), changing(frames, seed))
    assert placed is not None
    assert len(placed) == words
    assert placed[0].first >= 0
    assert placed[-1].last < frames
    assert all(before.last < after.first for before, after in pairwise(placed))
    for word, pronunciations in zip(placed, said, strict=True):
        assert word.last - word.first + 1 >= 3 * min(len(phones) for phones in pronunciations)
        assert word.score <= 0


@given(seed=st.integers(0, 10_000), words=st.integers(1, 3))
def test_fewer_frames_than_the_shortest_way_has_states_have_no_place_for_the_words(seed: int, words: int) -> None:
    model, said = small_model(seed), random_words(words, seed)
    graph, enough = word_graph(model, said), shortest(said)
    features = changing(enough, seed)
    for frames in {0, 1, 2, enough // 2, enough - 2, enough - 1}:
        assert best_path(model, graph, features[:, :frames]) is None
    placed = best_path(model, graph, features)
    assert placed is not None
    assert (placed[0].first, placed[-1].last) == (0, enough - 1)
    assert all(before.last + 1 == after.first for before, after in pairwise(placed))


def test_a_word_goes_on_for_as_long_as_it_is_heard() -> None:
    model = small_model()
    graph = word_graph(model, [[(1,)]])
    features = np.full((1, 500, DISTRIBUTIONS), -1.0, np.float32)
    features[0, :, QUIET] = -30.0
    assert best_path(model, graph, features) == [PlacedWord(0, 499, -1.0)]


def with_pauses(words: Words, worth: float) -> list[PlacedWord]:
    """Place two words of ten frames with ten of silence before, between and behind, each of which is worth so much."""
    senones = small_model().senones
    model = with_moves(senones, np.full(senones.shape, 0.5))
    quiet = np.repeat([True, False, True, False, True], 10)[:, None]
    features = np.where(quiet, -worth, np.zeros((50, DISTRIBUTIONS)))
    features[:, QUIET] = np.where(quiet, 0.0, -100.0)
    placed = best_path(model, word_graph(model, words), features[None].astype(np.float32))
    assert placed is not None
    return placed


pauses_of = pytest.mark.parametrize(
    "words",
    [
        [[(1, 2)], [(2, 1)]],
        [[(1, 2)], [(4, 5)]],
        [[(1,)], [(5,)]],
        [[(1, 2), (1, 4)], [(4, 5), (2, 1)]],
        [[(1, 2, 4), (1,)], [(4, 5), (2,)]],
    ],
    ids=["next-below-silence", "next-above-silence", "one-phone", "two-ways", "longer-and-shorter"],
)


@pauses_of
def test_silence_is_left_out_of_words_where_it_is_worth_its_price(words: Words) -> None:
    """To a frame, as those between the frames that are looked at are half silence."""
    first, second = with_pauses(words, -PAUSE / 10 + 1)
    assert np.abs(np.subtract((first.first, first.last, second.first, second.last), (10, 19, 30, 39))).max() <= 1


@pauses_of
def test_silence_that_is_not_worth_its_price_is_part_of_words(words: Words) -> None:
    """At the beginning, between words and at the end."""
    first, second = with_pauses(words, -PAUSE / 10 - 1)
    assert (first.first, second.first, second.last) == (0, first.last + 1, 49)


def test_a_path_is_the_same_each_time() -> None:
    model, words = small_model(5), random_words(3, 5)
    graph, features = word_graph(model, words), changing(80, 5)
    before = features.copy()
    features.flags.writeable = False
    first = best_path(model, graph, features)
    assert first is not None
    assert all(best_path(model, graph, features) == first for _ in range(3))
    assert np.array_equal(features, before)


@pytest.fixture(scope="module")
def real() -> AcousticModel:
    return AcousticModel.read(FOLDER)


def spoken(model: AcousticModel, phones: Sequence[str], frames_a_state: int, seed: int) -> FloatArray:
    """Features drawn from the densities of base phones, state after state, (3, frames, 13)."""
    random = np.random.default_rng(seed)
    means, variances = read_gaussians(FOLDER / "means"), read_gaussians(FOLDER / "variances")
    codes, weights = read_weights(FOLDER / "sendump", 3, 5126)
    drawn = []
    for phone in (model.phones[name] for name in phones):
        for senone in np.repeat(model.senones[phone], frames_a_state).tolist():
            shares = weights[codes[:, :, senone]].astype(np.float64)
            chosen = [random.choice(128, p=share / share.sum()) for share in shares]
            centre, spread = (table[phone, range(3), chosen] for table in (means, variances))
            drawn.append(centre + random.normal(0, 1, (3, 13)) * np.sqrt(spread))
    return np.stack(drawn, axis=1).astype(np.float32)


SAID = {"a": ["AH", "EY"], "read": ["R EH D", "R IY D"], "zoo": ["Z UW"], "the": ["DH AH", "DH IY"]}


@pytest.mark.parametrize("sentence", ["zoo", "a zoo", "read a zoo", "read the", "the a"])
@pytest.mark.parametrize("seed", range(2))
def test_with_the_real_model_words_are_where_the_path_found_state_by_state_has_them(
    sentence: str, seed: int, real: AcousticModel
) -> None:
    names = sentence.split()
    words = [[tuple(real.phones[phone] for phone in said.split()) for said in SAID[name]] for name in names]
    phones = ["SIL", *[phone for name in names for phone in SAID[name][seed % len(SAID[name])].split()], "SIL"]
    features = spoken(real, phones, 2, seed)
    graph = word_graph(real, words)
    found = best_path(real, graph, features)
    assert_places(found, placed_state_by_state(real, graph, features, len(words)))


def test_with_the_real_model_words_are_where_they_were_said(real: AcousticModel) -> None:
    """Twelve frames a phone, and so much silence between the first two words that it is worth any price."""
    said = ["SIL", "R", "IY", "D", *["SIL"] * 8, "DH", "AH", "Z", "UW", "SIL"]
    words = [
        [tuple(real.phones[phone] for phone in way.split()) for way in SAID[name]] for name in ("read", "the", "zoo")
    ]
    placed = best_path(real, word_graph(real, words), spoken(real, said, 4, 0))
    assert placed is not None
    edges = [edge for word in placed for edge in (word.first, word.last + 1)]
    assert np.abs(np.array(edges) - 12 * np.array([1, 4, 12, 14, 14, 16])).max() <= 4
