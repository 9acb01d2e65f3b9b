from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import ModelUnavailable, UnknownModel
from tests.unit.pipeline.cli.conftest import Cli
from tests.unit.pipeline.cli.fakes import FakeLoader

Make = Callable[..., Path]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_without_folder_prints_a_transcript_to_read(cli: Cli, recording: Make) -> None:
    result = cli("transcribe", recording("talk.wav"))
    assert result.code == 0
    assert "SPEAKER_00: Good morning." in result.out
    assert result.out.count("\n") == 1


def test_folder_gets_json_and_rttm(cli: Cli, recording: Make, tmp_path: Path) -> None:
    result = cli("transcribe", recording("talk.wav"), "-o", tmp_path / "out")
    assert (result.code, result.out) == (0, "")
    assert names(tmp_path / "out") == ["talk.json", "talk.rttm"]
    assert json.loads((tmp_path / "out/talk.json").read_text())["uri"] == "talk"


def test_every_format_has_a_file_of_its_own(cli: Cli, recording: Make, tmp_path: Path) -> None:
    cli("transcribe", recording("a.b.wav"), "-o", tmp_path / "out", "-f", "json,whisperx,srt,vtt,txt,ctm,stm")
    assert names(tmp_path / "out") == [
        "a.b.ctm",
        "a.b.json",
        "a.b.srt",
        "a.b.stm",
        "a.b.txt",
        "a.b.vtt",
        "a.b.whisperx.json",
    ]


def test_bad_recording_does_not_stop_the_others(cli: Cli, recording: Make, tmp_path: Path) -> None:
    """One line says what is wrong, its slug and what to do; the exit code tells that something failed."""
    bad, good = recording("a.wav", bad=True), recording("b.wav")
    result = cli("transcribe", bad, good, tmp_path / "absent.wav", "-o", tmp_path / "out")
    assert result.code == 1
    assert names(tmp_path / "out") == ["b.json", "b.rttm"]
    line = next(line for line in result.err.splitlines() if line.startswith(str(bad)))
    assert "a holds text, not audio [unsupported-format] (convert it first" in line
    assert "Traceback" not in result.err


def test_unexpected_error_is_one_line_too(cli: Cli, recording: Make, loader: FakeLoader, tmp_path: Path) -> None:
    def fail(uri: str) -> None:
        if uri == "a":
            message = "tensor\nsizes differ"
            raise RuntimeError(message)

    loader.on_call = fail
    result = cli("transcribe", recording("a.wav"), recording("b.wav"), "-o", tmp_path / "out")
    assert result.code == 1
    assert "failed: RuntimeError: tensor sizes differ [internal-error]" in result.err
    assert "Traceback" not in result.err
    assert (tmp_path / "out/b.json").exists()


@pytest.mark.parametrize("after", [False, True])
def test_debug_shows_where_an_error_comes_from(cli: Cli, recording: Make, after: bool) -> None:
    """Before the command, and after it, where whoever has just seen an error adds it."""
    words = ["transcribe", recording("a.wav", bad=True)]
    result = cli(*words, "--debug") if after else cli("--debug", *words)
    assert result.code == 1
    assert "Traceback" in result.err


def test_what_follows_two_dashes_is_no_option(cli: Cli) -> None:
    result = cli("transcribe", "--", "--debug")
    assert "--debug: failed: " in result.err
    assert "Traceback" not in result.err


def test_several_recordings_end_with_a_table(cli: Cli, recording: Make, tmp_path: Path) -> None:
    result = cli("transcribe", recording("a.wav"), recording("b.wav", bad=True), "-o", tmp_path / "out")
    head, first, second, total = [line.split() for line in result.err.splitlines()[-4:]]
    assert head == ["file", "audio", "speakers", "words", "speed", "status"]
    assert (first[0], *first[1:4], first[-1]) == (str(tmp_path / "a.wav"), "0:30", "1", "2", "done")
    assert (second[0], second[-1]) == (str(tmp_path / "b.wav"), "failed")
    assert total[:2] == ["2", "files"]


def test_models_are_loaded_once(cli: Cli, recording: Make, loader: FakeLoader, tmp_path: Path) -> None:
    cli("transcribe", recording("a.wav"), recording("b.wav"), "-o", tmp_path / "out")
    assert len(loader.choices) == 1
    assert loader.heard == ["a", "b"]


def test_what_is_done_is_skipped(cli: Cli, recording: Make, loader: FakeLoader, tmp_path: Path) -> None:
    """Nothing is loaded either."""
    talk, out = recording("talk.wav"), tmp_path / "out"
    cli("transcribe", talk, "-o", out)
    again = cli("transcribe", talk, "-o", out)
    assert again.code == 0
    assert "skipped" in again.err
    assert loader.heard == ["talk"]
    assert len(loader.choices) == 1


@pytest.mark.parametrize(
    "reason", ["a format is missing", "the recording is newer", "--overwrite", "nothing is done yet"]
)
def test_what_is_not_done_is_done(cli: Cli, recording: Make, loader: FakeLoader, tmp_path: Path, reason: str) -> None:
    talk, out = recording("talk.wav"), tmp_path / "out"
    if reason != "nothing is done yet":
        cli("transcribe", talk, "-o", out)
    loader.heard.clear()
    if reason == "a format is missing":
        (out / "talk.rttm").unlink()
    if reason == "the recording is newer":
        later = (out / "talk.json").stat().st_mtime + 10
        os.utime(talk, (later, later))
    cli("transcribe", talk, "-o", out, *(["--overwrite"] if reason == "--overwrite" else []))
    assert loader.heard == ["talk"]


def test_reads_standard_input_and_writes_standard_output(cli: Cli) -> None:
    result = cli("transcribe", "-", "-f", "rttm", stdin=b"good")
    assert result.out.startswith("SPEAKER stdin 1 1.000 1.000 ")
    assert result.code == 0
    assert cli("transcribe", "-", "-f", "rttm", "-o", "-", stdin=b"good").out == result.out


def test_empty_standard_input_fails(cli: Cli) -> None:
    result = cli("transcribe", "-")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("standard input: failed: ")


def test_same_stem_never_shares_a_file(cli: Cli, recording: Make, tmp_path: Path) -> None:
    first, second, third = recording("mon/x.wav"), recording("tue/x.wav"), recording("tue/x.mp3")
    cli("transcribe", first, second, third, "-o", tmp_path / "out", "-f", "rttm")
    assert names(tmp_path / "out") == ["mon_x.wav.rttm", "tue_x.wav.rttm", "x.mp3.rttm"]
    uris = [path.read_text().split()[1] for path in sorted((tmp_path / "out").iterdir())]
    assert uris == ["mon_x.wav", "tue_x.wav", "x.mp3"]


def test_folder_is_searched_at_all_levels(cli: Cli, recording: Make, loader: FakeLoader, tmp_path: Path) -> None:
    for name in ("in/b.MP3", "in/deep/a.wav", "in/.hidden/c.wav", "in/.d.wav", "in/notes.txt"):
        recording(name)
    cli("transcribe", tmp_path / "in", "-o", tmp_path / "out")
    assert loader.heard == ["b", "a"]


def test_results_leave_no_partial_files(
    cli: Cli, recording: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that fails half way leaves the old result as it was."""
    talk, out = recording("talk.wav"), tmp_path / "out"
    cli("transcribe", talk, "-o", out, "-f", "txt")
    (out / "talk.txt").write_text("old")

    def fail(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(Path, "replace", fail)
    result = cli("transcribe", talk, "-o", out, "-f", "txt", "--overwrite")
    assert result.code == 1
    assert "No space left on device" in result.err
    assert names(out) == ["talk.txt"]
    assert (out / "talk.txt").read_text() == "old"


def test_name_may_be_as_long_as_the_file_system_allows(
    cli: Cli, recording: Make, loader: FakeLoader, tmp_path: Path
) -> None:
    """A result whose name would be longer is refused before anything is heard; the others are done."""
    stem = "x" * 251
    talk, other = recording(f"{stem}.wav"), recording("y.wav")
    assert cli("transcribe", talk, "-o", tmp_path / "out", "-f", "vtt").code == 0
    assert names(tmp_path / "out") == [f"{stem}.vtt"]
    result = cli("transcribe", talk, other, "-o", tmp_path / "out", "-f", "rttm")
    assert result.code == 1
    assert "File name too long" in result.err
    assert loader.heard == [stem, "y"]


def test_result_never_replaces_the_recording(cli: Cli, recording: Make, loader: FakeLoader, tmp_path: Path) -> None:
    """This is noticed before the work, not after it."""
    talk = recording("talk.txt")
    result = cli("transcribe", talk, "-o", tmp_path, "-f", "txt", "--overwrite")
    assert result.code == 2
    assert "would replace the recording" in result.err
    assert talk.read_bytes() == b"good"
    assert loader.heard == []


def test_folder_in_the_place_of_a_result_fails_before_the_work(
    cli: Cli, recording: Make, loader: FakeLoader, tmp_path: Path
) -> None:
    (tmp_path / "out" / "talk.txt").mkdir(parents=True)
    result = cli("transcribe", recording("talk.wav"), "-o", tmp_path / "out", "-f", "txt")
    assert result.code == 1
    assert "Is a directory" in result.err
    assert loader.heard == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-f", "docx", "-o", "out"], "docx is not among"),
        (["-f", "json,rttm"], "need a folder"),
        (["-f", ",", "-o", "out"], "is not among"),
        (["--num-speakers", "2", "--max-speakers", "3"], "not both"),
        (["--min-speakers", "4", "--max-speakers", "3"], "larger"),
        (["--num-speakers", "0"], "--num-speakers"),
        (["--device", "abacus"], "abacus"),
        (["--colour"], "--colour"),
    ],
)
def test_misuse_exits_with_2(
    cli: Cli,
    recording: Make,
    loader: FakeLoader,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli("transcribe", recording("talk.wav"), *arguments)
    assert result.code == 2
    assert words in result.err
    assert loader.heard == []


def test_folder_without_recordings_is_misuse(cli: Cli, tmp_path: Path) -> None:
    result = cli("transcribe", tmp_path)
    assert result.code == 2
    assert "no recordings in" in result.err


def test_output_that_cannot_be_a_folder_is_misuse(cli: Cli, recording: Make) -> None:
    talk = recording("talk.wav")
    result = cli("transcribe", talk, "-o", talk)
    assert result.code == 2
    assert "cannot write to" in result.err


@pytest.mark.parametrize(("error", "code"), [(ModelUnavailable(), 1), (UnknownModel(), 2)])
def test_model_that_cannot_be_had_ends_the_run(
    cli: Cli, recording: Make, loader: FakeLoader, error: Exception, code: int
) -> None:
    """No recording would fare better."""
    loader.load_error = error
    result = cli("transcribe", recording("a.wav"), recording("b.wav"))
    assert result.code == code
    assert result.err.count("hansard: ") == 1


def test_interruption_sums_up_and_exits_with_130(cli: Cli, recording: Make, loader: FakeLoader, tmp_path: Path) -> None:
    def interrupt(uri: str) -> None:
        if uri == "c":
            raise KeyboardInterrupt

    loader.on_call = interrupt
    paths = [recording(f"{name}.wav") for name in "abcd"]
    result = cli("transcribe", *paths, "-o", tmp_path / "out", "-f", "txt")
    assert result.code == 130
    assert names(tmp_path / "out") == ["a.txt", "b.txt"]
    assert "2 files" in result.err
    assert "Traceback" not in result.err


def test_options_reach_the_pipeline(cli: Cli, recording: Make, loader: FakeLoader) -> None:
    cli(
        *("transcribe", recording("talk.wav"), "--model", "whisper-tiny.en", "--embedding", "ecapa", "--threads", "3"),
        *("--device", "cpu", "--num-speakers", "2", "--strict", "--channels", "separate", "--threshold", "0.7"),
        *("--language", "en", "--task", "translate", "--prompt", "Dr. Ng", "--hotwords", "Ng", "--beam-size", "1"),
    )
    (choice,), (options,) = loader.choices, loader.options
    assert (choice.model, choice.embedding, choice.device, choice.threads) == ("whisper-tiny.en", "ecapa", "cpu", 3)
    assert (options.speakers.exactly, options.speakers.strict, options.channels) == (2, True, "separate")
    assert options.diarization.threshold == 0.7
    asr = options.asr
    assert (asr.language, asr.task, asr.initial_prompt, asr.hotwords, asr.beam_size) == (
        "en",
        "translate",
        "Dr. Ng",
        "Ng",
        1,
    )


def test_language_may_be_written_in_capitals(cli: Cli, recording: Make, loader: FakeLoader) -> None:
    cli("transcribe", recording("talk.wav"), "--language", "EN")
    assert loader.options[0].asr.language == "en"


def test_formats_go_by_other_names_too(cli: Cli, recording: Make) -> None:
    talk = recording("talk.wav")
    assert cli("transcribe", talk, "-f", "WebVTT").out.startswith("WEBVTT")
    assert cli("transcribe", talk, "-f", "text").out == cli("transcribe", talk).out
    assert cli("vad", talk, "-f", "text").out == cli("vad", talk).out


def test_notes_of_a_result_are_told(cli: Cli, recording: Make) -> None:
    assert "note: the recording is very quiet" in cli("transcribe", recording("talk.wav")).err


def test_quiet_tells_only_failures(cli: Cli, recording: Make) -> None:
    good = cli("transcribe", recording("good.wav"), "--quiet")
    assert good.err == ""
    bad = cli("transcribe", recording("bad.wav", bad=True), "--quiet")
    assert (bad.code, bad.err.count("\n")) == (1, 1)


def test_piped_progress_is_one_plain_line_a_recording(cli: Cli, recording: Make) -> None:
    """No bars, no escape codes, nothing about progress on standard output."""
    result = cli("transcribe", recording("talk.wav"))
    assert "\x1b" not in result.err + result.out
    assert result.err.splitlines()[0].split(": done, 30.0 s of audio in ")[0].endswith("talk.wav")
