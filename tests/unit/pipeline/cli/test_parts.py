from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.pipeline.cli.conftest import Cli
from tests.unit.pipeline.cli.fakes import FakeLoader

Make = Callable[..., Path]


def test_diarize_prints_turns(cli: Cli, recording: Make) -> None:
    result = cli("diarize", recording("talk.wav"))
    assert result.code == 0
    assert result.out == "SPEAKER talk 1 1.000 1.000 <NA> <NA> SPEAKER_00 <NA> <NA>\n"
    assert "1 speaker" in result.err
    assert "word" not in result.err


def test_diarize_says_how_its_result_was_made(cli: Cli, recording: Make, loader: FakeLoader) -> None:
    loader.channels = 2
    options = ("--channels", "mix", "--num-speakers", "1", "--embedding", "ecapa")
    document = json.loads(cli("diarize", recording("talk.wav"), "-f", "json", *options).out)
    assert document["channels"] == 2
    assert document["speech"]
    made = document["provenance"]
    assert made["version"]
    assert made["models"] == [{"kind": "embedding", "name": "ecapa", "sha256": "00"}]
    assert set(made["options"]) == {"limits", "channels", "speakers", "segmentation", "vad", "diarization"}
    assert made["options"]["speakers"]["exactly"] == 1
    assert made["options"]["diarization"]["threshold"] == 0.7
    assert made["device"] == "cpu"
    assert set(made["stage_seconds"]) == {"decode", "segmentation", "diarization"}


def test_diarize_keeps_channels_separate_where_asked(cli: Cli, recording: Make, loader: FakeLoader) -> None:
    """The turns of all channels are in order of time."""
    loader.channels = 2
    document = json.loads(cli("diarize", recording("talk.wav"), "-f", "json", "--channels", "separate").out)
    turns = [(turn["start"], turn["speaker"], turn["channel"]) for turn in document["turns"]]
    assert turns == [(0.5, "CHANNEL_01", 1), (1.0, "CHANNEL_00", 0)]
    assert [speaker["label"] for speaker in document["speakers"]] == ["CHANNEL_00", "CHANNEL_01"]


def test_diarize_tells_where_there_is_nothing_to_separate(cli: Cli, recording: Make) -> None:
    result = cli("diarize", recording("talk.wav"), "--channels", "separate")
    assert "SPEAKER_00" in result.out
    assert "the recording has one" in result.err


def test_diarize_writes_what_can_be_had_without_words(cli: Cli, recording: Make, tmp_path: Path) -> None:
    assert cli("diarize", recording("talk.wav"), "-o", tmp_path / "out", "-f", "json,rttm-exclusive").code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["talk.exclusive.rttm", "talk.json"]
    assert cli("diarize", recording("talk.wav"), "-f", "srt").code == 2


@pytest.mark.parametrize("command", ["vad", "overlap"])
def test_regions_are_lines_of_start_and_end(cli: Cli, recording: Make, command: str) -> None:
    result = cli(command, recording("talk.wav"))
    assert result.code == 0
    lines = [[float(field) for field in line.split("\t")] for line in result.out.splitlines()]
    assert lines
    assert all(0 <= start < end <= 10 for start, end in lines)


@pytest.mark.parametrize(("command", "purpose"), [("vad", "speech"), ("overlap", "voices"), ("changes", "voices")])
def test_only_speech_is_looked_for_in_longer_steps(
    cli: Cli, loader: FakeLoader, recording: Make, command: str, purpose: str
) -> None:
    assert cli(command, recording("talk.wav")).code == 0
    assert loader.segmented_for == [purpose]


def test_regions_of_several_recordings_come_under_their_names(cli: Cli, recording: Make) -> None:
    first, second = recording("a.wav"), recording("b.wav")
    result = cli("vad", first, second)
    assert [line for line in result.out.splitlines() if line.startswith("==")] == [f"== {first} ==", f"== {second} =="]


def test_vad_options_reach_the_detector(cli: Cli, recording: Make) -> None:
    talk = recording("talk.wav")
    assert cli("vad", talk, "--min-speech", "9.9").out == ""
    plain, padded = (cli("vad", talk, "--pad", pad).out.split("\t")[0] for pad in ("0", "0.5"))
    assert float(plain) - float(padded) == pytest.approx(0.5, abs=0.02)


def test_offset_follows_an_onset_that_is_lower(cli: Cli, recording: Make) -> None:
    talk = recording("talk.wav")
    assert cli("vad", talk, "--onset", "0.1").code == 0
    assert cli("vad", talk, "--onset", "0.1", "--offset", "0.2").code == 2


def test_changes_carry_time_and_score(cli: Cli, recording: Make) -> None:
    document = json.loads(cli("changes", recording("talk.wav"), "-f", "json", "--threshold", "0.1").out)
    assert document["uri"] == "talk"
    assert document["duration"] == 10.0
    assert document["items"]
    assert all(set(item) == {"time", "score"} for item in document["items"])


def test_embed_prints_a_unit_vector(cli: Cli, recording: Make) -> None:
    document = json.loads(cli("embed", recording("talk.wav")).out)
    assert (document["uri"], document["model"]) == ("talk", "campplus")
    assert document["embedding"] == [0.6, 0.8]


def test_verify_compares_two_voices(cli: Cli, recording: Make) -> None:
    first, second = recording("a.wav"), recording("b.wav")
    assert cli("verify", first, second, "--threshold", "0.5").out.startswith("same  score 1.000")
    assert json.loads(cli("verify", first, second, "--json", "--threshold", "0.5").out)["same"] is True


def test_verify_takes_one_voice_from_standard_input(cli: Cli, recording: Make) -> None:
    first = recording("a.wav")
    assert cli("verify", "-", first, "--threshold", "0.5", stdin=b"good").out.startswith("same")
    assert "[empty-file]" in cli("verify", first, "-").err
    both = cli("verify", "-", "-", stdin=b"good")
    assert (both.code, "holds one recording" in both.err) == (2, True)


def test_recording_that_is_not_there_is_one_line(cli: Cli, recording: Make, tmp_path: Path) -> None:
    result = cli("verify", recording("a.wav"), tmp_path / "absent.wav")
    assert result.code == 1
    assert result.err.startswith("hansard: ")
    assert "[source-not-found]" in result.err
