from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InvalidOption
from pipeline.formats import FORMATS, diarized, find, write, write_bytes
from pipeline.types import Transcript
from tests.unit.pipeline.formats.examples import CONVERSATION
from tests.unit.pipeline.strategies import transcripts

TEXT_FORMATS = [name for name in FORMATS if name not in {"png", "svg"}]


def test_every_format_is_known_by_its_own_name_and_suffix() -> None:
    assert all(name == entry.name for name, entry in FORMATS.items())
    assert len({entry.suffix for entry in FORMATS.values()}) == len(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_a_conversation(name: str) -> None:
    assert len(write_bytes(CONVERSATION, name)) > 100


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_a_diarization_without_words(name: str) -> None:
    wordless = diarized(CONVERSATION.diarization, uri="call", duration=70.0)
    assert isinstance(write_bytes(wordless, name), bytes)


@given(st.sampled_from(TEXT_FORMATS), transcripts())
def test_every_text_format_writes_any_transcript(name: str, whole: Transcript) -> None:
    assert write_bytes(whole, name) == write(whole, name).encode("utf-8")


def test_a_wordless_transcript_keeps_its_turns_in_json() -> None:
    document = json.loads(write(diarized(CONVERSATION.diarization, uri="call", duration=70.0), "json"))
    assert (document["language"], document["words"], len(document["turns"])) == ("und", [], 4)


def test_other_names_in_use_are_understood() -> None:
    assert find("native") is FORMATS["json"]


def test_an_unknown_format_is_refused_with_those_known() -> None:
    with pytest.raises(InvalidOption, match=r"unknown format 'docx'; choose from json, jsonl, whisperx, rttm"):
        write(CONVERSATION, "docx")


def test_a_picture_is_not_text() -> None:
    with pytest.raises(InvalidOption, match="write_bytes"):
        write(CONVERSATION, "png")


def test_importing_the_formats_loads_neither_torch_nor_matplotlib() -> None:
    code = "import sys, pipeline.formats; sys.exit(any(name in sys.modules for name in ('torch', 'matplotlib')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
