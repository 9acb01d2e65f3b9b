from __future__ import annotations

import math

import pytest
import torch

from pipeline.asr.search.timestamp_rules import LATEST_START, TimestampRules

END, FIRST, LAST = 5, 8, 80
RULES = TimestampRules(end=END, first=FIRST)


def allowed(text: list[int], **likely: float) -> set[int]:
    """Tokens that may follow a text, where none is likelier than the others but those named `t1` and so on."""
    outputs = torch.zeros(LAST + 1)
    # Text is likelier than all timestamps together, so that what is likely decides nothing.
    outputs[: END + 1] = 10.0
    for name, output in likely.items():
        outputs[int(name[1:])] = output
    RULES.apply(outputs, text)
    return {token for token, output in enumerate(outputs.tolist()) if output > -math.inf}


TEXT = set(range(END))
ENDED = {END}


def stamps(first: int, last: int = LAST) -> set[int]:
    return set(range(first, last + 1))


def test_a_text_begins_with_a_timestamp_within_the_first_second() -> None:
    assert allowed([]) == stamps(FIRST, FIRST + LATEST_START)


def test_text_follows_the_start_of_a_segment() -> None:
    assert allowed([FIRST]) == TEXT | ENDED
    assert allowed([FIRST, 1, FIRST + 3, FIRST + 3]) == TEXT | ENDED


def test_a_segment_lasts() -> None:
    assert allowed([FIRST + 2, 1]) == TEXT | ENDED | stamps(FIRST + 3)


def test_after_the_end_of_a_segment_the_next_begins_or_the_text_ends() -> None:
    assert allowed([FIRST, 1, FIRST + 3]) == ENDED | stamps(FIRST + 3)


@pytest.mark.parametrize("control", [END + 1, FIRST - 1])
def test_control_tokens_never_follow(control: int) -> None:
    assert control not in allowed([FIRST, 1], **{f"t{control}": 50.0})


def test_where_timestamps_together_are_likelier_than_any_token_one_follows() -> None:
    unlikely = {f"t{token}": 1.0 for token in range(END + 1)}
    assert allowed([FIRST, 1], **unlikely) == stamps(FIRST + 1)
