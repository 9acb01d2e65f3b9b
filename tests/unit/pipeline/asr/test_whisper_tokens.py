from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.asr.whisper_tokens import TimestampedTokens, TokenSpan, split_at_timestamps, token_limit, word_spans

T = 1000
"""First timestamp token of the tests."""


def at(seconds: float) -> int:
    return T + round(seconds / 0.02)


def test_pairs_of_timestamps_separate_segments_and_the_rest_is_left_for_later() -> None:
    tokens = [at(0), 1, 2, at(1), at(1.2), 3, at(2), at(2), 4, 5]
    segments, reached = split_at_timestamps(tokens, T, 10.0)
    assert segments == (TimestampedTokens(0.0, 1.0, (1, 2)), TimestampedTokens(1.2, 2.0, (3,)))
    assert reached == 2.0


def test_a_single_timestamp_at_the_end_closes_the_last_segment() -> None:
    tokens = [at(0), 1, at(1), at(1.2), 3, at(2)]
    segments, reached = split_at_timestamps(tokens, T, 10.0)
    assert [segment.tokens for segment in segments] == [(1,), (3,)]
    assert reached == 2.0


def test_text_with_one_closing_timestamp_reaches_up_to_it() -> None:
    assert split_at_timestamps([at(0.5), 1, 2, at(3)], T, 10.0) == ((TimestampedTokens(0.5, 3.0, (1, 2)),), 3.0)


def test_text_without_timestamps_fills_the_chunk() -> None:
    assert split_at_timestamps([1, 2], T, 7.5) == ((TimestampedTokens(0.0, 7.5, (1, 2)),), 7.5)


def test_no_tokens_give_no_segments() -> None:
    assert split_at_timestamps([], T, 7.5) == ((), 7.5)


@given(st.lists(st.integers(1, 5) | st.integers(T, T + 1500), max_size=30), st.floats(0.1, 30))
def test_whatever_the_model_writes_segments_lie_inside_the_chunk(tokens: list[int], duration: float) -> None:
    segments, reached = split_at_timestamps(tokens, T, duration)
    assert 0.0 <= reached <= duration
    for segment in segments:
        assert 0.0 <= segment.start <= duration
        assert 0.0 <= segment.end <= duration
        assert all(token < T for token in segment.tokens)


def words(pieces: list[bytes], *, spaced: bool = True) -> list[TokenSpan]:
    def decode(tokens: list[int]) -> str:
        return b"".join(pieces[token] for token in tokens).decode(errors="replace")

    return word_spans(range(len(pieces)), decode, spaced=spaced)


def test_words_are_what_stands_between_spaces() -> None:
    spans = words([b" well", b"-", b"known", b" for", b" $", b"2", b".", b"50", b"!"])
    assert spans == [TokenSpan("well-known", 0, 3), TokenSpan("for", 3, 4), TokenSpan("$2.50!", 4, 9)]


def test_signs_that_stand_alone_join_the_word_before() -> None:
    assert [span.text for span in words([b" wait", b" -", b" what"])] == ["wait-", "what"]


def test_an_opening_sign_joins_the_first_word() -> None:
    assert [span.text for span in words([b" -", b" Hello"])] == ["-Hello"]


def test_a_character_spread_over_tokens_is_put_together() -> None:
    raw = " café".encode()
    assert words([raw[:5], raw[5:], b" au"]) == [TokenSpan("café", 0, 2), TokenSpan("au", 2, 3)]


def test_unspaced_languages_are_split_at_characters_and_keep_their_signs() -> None:
    spans = words(["你".encode(), "好".encode(), "。".encode(), "世界".encode()], spaced=False)
    assert [span.text for span in spans] == ["你", "好。", "世界"]


@given(st.lists(st.sampled_from([b" a", b"b", b" ", b",", b" -", b"\xc3", b"\xa9", b" 12"]), max_size=20))
def test_spans_are_in_order_hold_text_without_spaces_and_share_no_token(pieces: list[bytes]) -> None:
    spans = words(pieces)
    assert all(span.text and not any(character.isspace() for character in span.text) for span in spans)
    assert all(span.first < span.last for span in spans)
    assert all(before.last <= after.first for before, after in pairwise(spans))


@pytest.mark.parametrize(("seconds", "limit"), [(0.1, 21), (10.0, 100), (30.0, 224)])
def test_token_limit_grows_with_the_chunk_up_to_the_models(seconds: float, limit: int) -> None:
    assert token_limit(seconds, 224) == limit
