from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.asr.backend import DecodeRequest
from pipeline.asr.whisper_model import WhisperParts

CONTROL = {
    "<|startoftranscript|>": 1,
    "<|startofprev|>": 2,
    "<|notimestamps|>": 3,
    "<|de|>": 4,
    "<|translate|>": 5,
    "<|transcribe|>": 6,
}


class Characters:
    """A tokenizer with a token a character."""

    def token_to_id(self, text: str) -> int:
        return CONTROL[text]

    def encode(self, text: str, *, add_special_tokens: bool) -> Any:
        return SimpleNamespace(ids=[100 + ord(character) for character in text])


def parts(*, multilingual: bool = False, max_tokens: int = 448) -> WhisperParts:
    network = SimpleNamespace(device="cpu")
    return WhisperParts(
        network=network,
        tokenizer=Characters(),
        max_tokens=max_tokens,
        fresh_network=lambda: network,
        own=None,
        languages={"de": CONTROL["<|de|>"]} if multilingual else {},
    )


def test_an_english_only_model_is_told_no_language() -> None:
    assert parts().prompt(DecodeRequest(language="en")) == [1, 3]


@pytest.mark.parametrize(("task", "token"), [("transcribe", 6), ("translate", 5)])
def test_a_multilingual_model_is_told_language_and_task(task: Any, token: int) -> None:
    assert parts(multilingual=True).prompt(DecodeRequest(language="de", task=task)) == [1, 4, token, 3]


def test_timestamps_are_allowed_by_leaving_out_the_token_that_forbids_them() -> None:
    assert parts().prompt(DecodeRequest(language="en", timestamps=True)) == [1]


def test_hotwords_and_prompt_come_before_as_if_said() -> None:
    prompt = parts().prompt(DecodeRequest(language="en", prompt=" So. ", hotwords="Jo"))
    assert prompt == [2, *(100 + ord(character) for character in " Jo So."), 1, 3]


def test_of_a_long_prompt_the_end_is_kept() -> None:
    prompt = parts(max_tokens=12).prompt(DecodeRequest(language="en", prompt="abcdefghij"))
    assert prompt == [2, *(100 + ord(character) for character in "fghij"), 1, 3]


def test_timestamps_follow_the_token_that_forbids_them() -> None:
    assert parts().first_timestamp == 4
