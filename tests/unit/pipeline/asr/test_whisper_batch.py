from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.asr.backend import DecodeRequest
from pipeline.asr.encoded import Encoded
from pipeline.asr.search.attention_alignment import AlignedTokens
from pipeline.asr.search.beam import Text
from pipeline.asr.search.text_search import Found
from pipeline.asr.whisper_batch import WhisperBatch

WORDS = [" one", " two", " three", "."]
FIRST_TIMESTAMP = 100


class Network:
    """Answers like CTranslate2, and keeps what it was asked."""

    def __init__(self, *answers: list[int], scores: tuple[float, ...] = (-0.5,)) -> None:
        self.answers = answers
        self.scores = scores
        self.asked: dict[str, Any] = {}
        self.frames: list[int] = []

    def generate(self, encoded: object, prompts: list[list[int]], **asked: Any) -> list[Any]:
        self.asked = asked
        return [
            SimpleNamespace(sequences_ids=[tokens] * len(self.scores), scores=self.scores, no_speech_prob=0.25)
            for tokens in self.answers
        ]

    def align(self, encoded: object, start: list[int], texts: list[list[int]], frames: list[int]) -> list[Any]:
        self.frames = frames
        return [
            SimpleNamespace(
                text_token_probs=[0.5, 0.7, 0.9, 0.1][: len(text)],
                alignments=[(token, 10 * token + step) for token in range(len(text) + 1) for step in (0, 5)],
            )
            for text in texts
        ]

    def detect_language(self, encoded: object) -> list[list[tuple[str, float]]]:
        return [[("<|de|>", 0.75), ("<|en|>", 0.25)]]


class Parts:
    max_tokens = 448
    own = None
    first_timestamp = FIRST_TIMESTAMP

    def __init__(self, network: Network) -> None:
        self.network = network

        self.fresh: list[Network] = []

    def fresh_network(self) -> Network:
        self.fresh.append(Network(*self.network.answers, scores=self.network.scores))
        return self.fresh[-1]

    def prompt(self, request: DecodeRequest) -> list[int]:
        return [90]

    def start(self, request: DecodeRequest) -> list[int]:
        return [90]

    def align(self, encoded: object, start: list[int], texts: list[list[int]], frames: list[int]) -> list[Any]:
        return self.network.align(encoded, start, [list(text) for text in texts], frames)

    def decode(self, tokens: list[int]) -> str:
        return "".join(WORDS[token] for token in tokens)


class Search:
    """Finds what it is told, and keeps what it was asked."""

    def __init__(self, *texts: Text) -> None:
        self.texts = texts
        self.asked: dict[str, Any] = {}

    def likeliest(self, encoded: Any, prompt: list[int], limits: list[int], **asked: Any) -> list[Found]:
        self.asked = {"lengths": [len(chunk) for chunk in encoded], "prompt": prompt, "limits": limits, **asked}
        return [Found(text, 0.125) for text in self.texts]

    drawn = likeliest


def searched(network: Network, *texts: Text) -> tuple[Search, WhisperBatch]:
    """Two chunks of different lengths, and the search that they go to."""
    search = Search(*texts)
    parts = Parts(network)
    parts.own = SimpleNamespace(search=search)  # type: ignore[assignment]
    chunks = [np.zeros((1, frames, 2), dtype=np.float32) for frames in (100, 250)]
    return search, WhisperBatch(
        parts=parts,  # type: ignore[arg-type]
        encoded=Encoded.apart(chunks),
        durations=(1.0, 4.0),
        padded_seconds=(2.0, 5.0),
    )


def batch(network: Network, *durations: float, padded: float = 30.0) -> WhisperBatch:
    return batch_of(Parts(network), *durations, padded=padded)


def batch_of(parts: Parts, *durations: float, padded: float = 30.0) -> WhisperBatch:
    return WhisperBatch(
        parts=parts,  # type: ignore[arg-type]
        encoded=Encoded.together(SimpleNamespace(shape=[len(durations), 2, 2])),
        durations=durations,
        padded_seconds=(padded,) * len(durations),
    )


REQUEST = DecodeRequest(language="en", beam_size=3)


def test_log_probability_is_a_mean_over_tokens_and_the_end_of_text() -> None:
    (hypothesis,) = batch(Network([0, 1, 2, 3]), 5.0).decode(REQUEST)
    assert hypothesis.text == "one two three."
    assert hypothesis.avg_logprob == pytest.approx(-0.5 * 4 / 5)
    assert hypothesis.no_speech_prob == 0.25
    assert hypothesis.reached is None


def test_timestamps_become_segments() -> None:
    tokens = [FIRST_TIMESTAMP, 0, FIRST_TIMESTAMP + 50, FIRST_TIMESTAMP + 50, 1, FIRST_TIMESTAMP + 100]
    (hypothesis,) = batch(Network(tokens), 5.0).decode(DecodeRequest(language="en", timestamps=True))
    assert hypothesis.text == "one two"
    assert [(part.start, part.end, part.text) for part in hypothesis.segments] == [(0, 1, "one"), (1, 2, "two")]
    assert hypothesis.reached == 2.0


def test_a_temperature_samples_and_the_likeliest_sample_wins() -> None:
    parts = Parts(Network([0], scores=(-0.9, -0.2, -0.5)))
    (hypothesis,) = batch_of(parts, 5.0).decode(DecodeRequest(language="en", temperature=0.4))
    assert parts.fresh[0].asked["sampling_temperature"] == 0.4
    assert parts.fresh[0].asked["num_hypotheses"] > 1
    assert hypothesis.avg_logprob == pytest.approx(-0.2 / 2)
    assert hypothesis.temperature == 0.4


def test_what_is_sampled_does_not_depend_on_what_was_sampled_before() -> None:
    """Each sampling has a network of its own, whose random numbers begin anew; searching has no need of one."""
    parts = Parts(Network([0]))
    encoded = batch_of(parts, 5.0)
    encoded.decode(REQUEST)
    assert parts.fresh == []
    for _ in range(2):
        encoded.decode(DecodeRequest(language="en", temperature=0.4))
    assert len({id(network) for network in parts.fresh}) == 2


def test_room_for_text_grows_with_what_chunks_are_filled_up_to_and_not_with_their_neighbours() -> None:
    network, asked = Network([0], [1]), []
    for durations, padded in (((1.0, 2.0), 5.0), ((1.0, 3.5), 5.0), ((1.0, 20.0), 22.5)):
        batch(network, *durations, padded=padded).decode(REQUEST)
        asked.append(network.asked["max_length"])
    assert asked[0] == asked[1] < asked[2] <= Parts.max_tokens


def test_words_have_the_mean_probability_of_their_tokens_and_no_times_unless_asked() -> None:
    network = Network()
    (words,) = batch(network, 5.0).words([[0, 1, 2, 3]], [None], REQUEST, times=False)
    assert [word.text for word in words] == ["one", "two", "three."]
    assert [word.probability for word in words] == pytest.approx([0.5, 0.7, 0.5])
    assert all(word.start is None and word.end is None for word in words)
    assert network.frames == [2]


def test_times_are_the_first_instant_of_a_words_tokens_and_of_the_next() -> None:
    network = Network()
    (words,) = batch(network, 5.0).words([[0, 1, 2, 3]], [None], REQUEST, times=True)
    assert [(word.start, word.end) for word in words] == [
        pytest.approx(span) for span in ((0.0, 0.2), (0.2, 0.4), (0.4, 0.8))
    ]
    assert network.frames == [500]


def test_empty_texts_have_no_words() -> None:
    assert batch(Network(), 5.0, 5.0).words([[], []], [None, None], REQUEST, times=True) == [[], []]


def test_our_search_takes_chunks_of_any_length_each_with_its_own_limit() -> None:
    search, encoded = searched(Network(), Text((0, 3), (-0.5, -1.0), -1.8), Text((2,), (-0.1,), -0.2))
    one, two = encoded.decode(REQUEST)
    assert search.asked["lengths"] == [100, 250]
    assert search.asked["prompt"] == [90]
    assert search.asked["limits"][0] < search.asked["limits"][1]
    assert (search.asked["beam_size"], search.asked["timestamps"]) == (3, False)
    assert (one.text, two.text) == ("one.", "three")
    assert one.avg_logprob == pytest.approx(-0.6)
    assert one.no_speech_prob == 0.125
    assert one.probabilities == pytest.approx((math.exp(-0.5), math.exp(-1.0)))


def test_a_long_prompt_leaves_our_search_less_room() -> None:
    search, encoded = searched(Network(), Text((0,), (-0.5,), -0.6), Text((2,), (-0.1,), -0.2))
    encoded.parts.prompt = lambda request: [90] * (Parts.max_tokens - 30)  # type: ignore[method-assign]
    encoded.decode(REQUEST)
    assert search.asked["limits"] == [30, 30]


def test_our_alignment_is_asked_for_the_times_of_words_chunk_by_chunk() -> None:
    network, asked = Network(), []
    _, encoded = searched(network)

    def align(audio: Any, start: list[int], text: list[int], frames: int) -> AlignedTokens:
        asked.append((len(audio), start, text, frames))
        return AlignedTokens(tuple(range(0, 10 * len(text) + 1, 10)), (0.5,) * len(text))

    encoded.parts.own.alignment = align  # type: ignore[misc, union-attr]
    first, second = encoded.words([[0, 1], [2, 3]], [None, (0.75, 0.25)], REQUEST, times=True)
    assert asked == [(100, [90], [0, 1], 50), (250, [90], [2, 3], 200)]
    assert [(word.start, word.end) for word in (*first, *second)] == [(0.0, 0.2), (0.2, 0.4), (0.0, 0.4)]
    assert network.frames == []


def test_our_decoder_tells_languages_by_their_codes() -> None:
    search, encoded = searched(Network())
    encoded.parts.languages = {"de": 61, "en": 50}  # type: ignore[misc]
    search.languages = lambda audio, known: [[known[0] / 100, 0.5]] * len(audio)  # type: ignore[attr-defined]
    assert encoded.languages() == [{"de": 0.61, "en": 0.5}] * 2


def test_words_have_the_probabilities_of_the_search_without_another_look() -> None:
    network = Network()
    _, encoded = searched(network)
    first, second = encoded.words([[0, 1], [2, 3]], [(0.25, 0.5), (0.75, 0.25)], REQUEST, times=False)
    assert [word.text for word in (*first, *second)] == ["one", "two", "three."]
    assert [word.probability for word in (*first, *second)] == [0.25, 0.5, 0.5]
    assert network.frames == []


def test_probabilities_stay_with_their_tokens_where_there_are_timestamps() -> None:
    text = Text((FIRST_TIMESTAMP, 1, FIRST_TIMESTAMP + 20), (-0.1, -0.7, -0.2), -1.1)
    search, encoded = searched(Network(), text, text)
    hypothesis, _ = encoded.decode(DecodeRequest(language="en", timestamps=True))
    assert search.asked["timestamps"] is True
    assert hypothesis.tokens == (1,)
    assert hypothesis.probabilities == pytest.approx((math.exp(-0.7),))
    assert hypothesis.reached == pytest.approx(0.4)


def test_our_search_draws_texts_at_a_temperature() -> None:
    text = Text((1,), (-0.5,), -0.6)
    search, encoded = searched(Network(), text, text)
    hypothesis, _ = encoded.decode(DecodeRequest(language="en", temperature=0.4, timestamps=True))
    assert (search.asked["temperature"], search.asked["timestamps"]) == (0.4, True)
    assert (hypothesis.text, hypothesis.temperature) == ("two", 0.4)


def test_languages_are_given_by_their_codes() -> None:
    assert batch(Network(), 5.0).languages() == [{"de": 0.75, "en": 0.25}]
