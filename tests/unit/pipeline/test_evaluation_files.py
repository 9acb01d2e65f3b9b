from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import InvalidOption, MalformedFile, SourceNotFound
from pipeline.evaluation import evaluate_pair, evaluate_paths, read_recordings
from pipeline.formats import write
from pipeline.types import Segment
from tests.unit.pipeline.formats.examples import CONVERSATION

RTTM = "SPEAKER {} 1 0 10 <NA> <NA> ann <NA> <NA>\nSPEAKER {} 1 10 10 <NA> <NA> bob <NA> <NA>\n"


def folder(root: Path, name: str, **files: str) -> Path:
    """A folder of files; `call_rttm` is call.rttm."""
    path = root / name
    path.mkdir()
    for file, text in files.items():
        (path / file.replace("_", ".")).write_text(text, encoding="utf-8")
    return path


def test_two_files_are_a_pair_whatever_their_names(tmp_path: Path) -> None:
    files = folder(tmp_path, "x", truth_rttm=RTTM.format("a", "a"), guess_rttm=RTTM.format("b", "b"))
    scores = evaluate_pair(files / "truth.rttm", files / "guess.rttm")
    assert (scores.uri, scores.figures()["der"]) == ("truth", 0.0)


def test_folders_are_paired_by_name_and_what_is_left_is_named(tmp_path: Path) -> None:
    text = RTTM.format("any", "any")
    reference = folder(tmp_path, "ref", a_rttm=text, b_rttm=text)
    hypothesis = folder(tmp_path, "hyp", b_rttm=text, c_rttm=text)
    report = evaluate_paths(reference, hypothesis)
    assert [row.uri for row in report.rows] == ["b"]
    assert (report.without_hypothesis, report.without_reference) == (("a",), ("c",))
    assert report.table().splitlines()[-2:] == ["no hypothesis for: a", "no reference for: c"]


def test_a_file_of_several_recordings_is_paired_by_the_names_inside(tmp_path: Path) -> None:
    files = folder(tmp_path, "x", all_rttm=RTTM.format("a", "b"))
    hypothesis = folder(tmp_path, "hyp", a_rttm="SPEAKER q 1 0 10 <NA> <NA> x <NA> <NA>\n")
    report = evaluate_paths(files / "all.rttm", hypothesis)
    assert [(row.uri, row.figures()["der"]) for row in report.rows] == [("a", 0.0)]
    assert report.without_hypothesis == ("b",)


def test_everything_written_for_a_recording_is_put_together(tmp_path: Path) -> None:
    names = {"json": "json", "rttm": "rttm", "stm": "stm", "ctm": "ctm"}
    files = folder(tmp_path, "x", **{f"call_{suffix}": write(CONVERSATION, name) for suffix, name in names.items()})
    (files / "call.uem").write_text(";; scored\ncall 1 0.0 60.0\n")
    (recording,) = read_recordings(files).values()
    assert recording.scored == (Segment(0.0, 60.0),)
    assert recording.words is not None
    assert recording.words[0].speaker == "SPEAKER_00"
    assert recording.timed == recording.words


def test_words_come_from_stm_and_times_from_ctm(tmp_path: Path) -> None:
    files = folder(tmp_path, "x", c_stm="c 1 ann 0 2 one two\n", c_ctm="c 1 0.5 0.25 one\nc 1 1 0.5 two\n")
    recording = read_recordings(files)["c"]
    assert recording.words is not None
    assert recording.timed is not None
    assert [(word.speaker, word.start) for word in recording.words] == [("ann", 0.0), ("ann", 0.0)]
    assert [(word.start, word.end) for word in recording.timed] == [(0.5, 0.75), (1.0, 1.5)]


def test_a_uem_beside_a_file_is_read(tmp_path: Path) -> None:
    files = folder(tmp_path, "x", a_rttm=RTTM.format("a", "a"), a_uem="a 1 0 15\n", h_rttm="")
    errors = evaluate_pair(files / "a.rttm", files / "h.rttm").diarization
    assert errors is not None
    assert (errors.total, errors.miss) == (15.0, 15.0)


def test_json_of_other_tools_with_words_is_read(tmp_path: Path) -> None:
    words = [{"word": "two", "start": 1, "end": 2}, {"text": "one", "start": 0, "end": 1, "speaker": 7}]
    files = folder(tmp_path, "x", h_json=json.dumps({"words": words}))
    recording = read_recordings(files / "h.json")["h"]
    assert recording.turns is None
    assert [(word.text, word.speaker) for word in recording.words or ()] == [("one", "7"), ("two", None)]


def test_other_json_in_a_folder_is_passed_over(tmp_path: Path) -> None:
    files = folder(tmp_path, "x", a_rttm=RTTM.format("a", "a"), manifest_json="{}", list_json="[]")
    assert list(read_recordings(files)) == ["a"]


def test_broken_json_in_a_folder_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(MalformedFile, match=r"a\.json"):
        read_recordings(folder(tmp_path, "x", a_json="{"))


def test_an_empty_rttm_says_that_nobody_speaks(tmp_path: Path) -> None:
    files = folder(tmp_path, "x", a_rttm=RTTM.format("a", "a"), h_rttm="")
    assert evaluate_pair(files / "a.rttm", files / "h.rttm").figures()["der"] == 1.0


def test_the_collar_is_passed_on(tmp_path: Path) -> None:
    late = "SPEAKER a 1 0 10.2 <NA> <NA> x\nSPEAKER a 1 10.2 9.8 <NA> <NA> y\n"
    files = folder(tmp_path, "x", a_rttm=RTTM.format("a", "a"), h_rttm=late)
    assert evaluate_pair(files / "a.rttm", files / "h.rttm").figures()["der"] == pytest.approx(0.01)
    assert evaluate_pair(files / "a.rttm", files / "h.rttm", collar=0.25).figures()["der"] == 0.0


def test_the_table_has_percent_and_a_total_and_no_empty_columns(tmp_path: Path) -> None:
    text = RTTM.format("x", "x")
    reference = folder(tmp_path, "ref", a_rttm=text, b_rttm=text)
    hypothesis = folder(tmp_path, "hyp", a_rttm=text, b_rttm="")
    assert evaluate_paths(reference, hypothesis).table() == (
        "recording     DER    miss    FA  conf     JER  spk  found\n"
        "a            0.00    0.00  0.00  0.00    0.00    2      2\n"
        "b          100.00  100.00  0.00  0.00  100.00    2      0\n"
        "total       50.00   50.00  0.00  0.00   50.00    4      2\n"
    )


def test_the_json_report_has_shares_of_one_and_every_figure(tmp_path: Path) -> None:
    files = folder(tmp_path, "x", a_rttm=RTTM.format("a", "a"), h_rttm="")
    report = json.loads(evaluate_paths(files / "a.rttm", files / "h.rttm", collar=0.25).json())
    assert report["collar"] == 0.25
    assert report["recordings"]["a"]["der"] == report["total"]["der"] == 1.0
    assert report["total"]["wer"] is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.rttm", "SPEAKER a\n"),
        ("a.stm", "a 1 ann\n"),
        ("a.ctm", "a 1\n"),
        ("a.uem", "a 1 zero 5\n"),
        ("a.json", '{"words": [{"text": "hi"}]}'),
        ("a.json", '{"schema_version": 1}'),
        ("a.json", "[]"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(MalformedFile, match=name):
        read_recordings(tmp_path / name)


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match="nowhere"):
        evaluate_paths(tmp_path / "nowhere", tmp_path)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(InvalidOption, match=r"a.wav: cannot be scored; give \.rttm, \.json"):
        read_recordings(tmp_path / "a.wav")


def test_nothing_in_common_is_an_error_and_not_an_empty_table(tmp_path: Path) -> None:
    reference = folder(tmp_path, "ref", a_rttm=RTTM.format("a", "a"))
    hypothesis = folder(tmp_path, "hyp", b_rttm=RTTM.format("b", "b"))
    with pytest.raises(InvalidOption, match=r"nothing to score: .*reference: a; hypothesis: b"):
        evaluate_paths(reference, hypothesis)


def test_a_pair_of_several_recordings_is_refused(tmp_path: Path) -> None:
    text = RTTM.format("a", "b")
    files = folder(tmp_path, "x", r_rttm=text, h_rttm=text)
    with pytest.raises(InvalidOption, match="2 recordings"):
        evaluate_pair(files / "r.rttm", files / "h.rttm")


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("meeting", "der", "der_with_collar", "jer"),
    [("EN2001a", 0.1139, 0.0124, 0.1324), ("EN2004a", 0.0745, 0.0370, 0.3394), ("ES2003b", 0.1278, 0.0, 0.1123)],
)
def test_two_references_of_a_meeting_differ_as_pyannote_metrics_says(
    corpus: Path, meeting: str, der: float, der_with_collar: float, jer: float
) -> None:
    """The figures were computed by pyannote.metrics 4.2 on its own reading of the same files."""
    strict = corpus / "meetings" / f"ami_{meeting}_000-030.rttm"
    loose = strict.with_suffix(".pyannote.rttm")
    figures = evaluate_pair(strict, loose).figures()
    assert figures["der"] == pytest.approx(der, abs=5e-5)
    assert figures["jer"] == pytest.approx(jer, abs=5e-5)
    assert evaluate_pair(strict, loose, collar=0.25).figures()["der"] == pytest.approx(der_with_collar, abs=5e-5)


@pytest.mark.corpus
def test_every_reference_of_the_corpus_can_be_read(corpus: Path) -> None:
    found = read_recordings(corpus / "meetings") | read_recordings(corpus / "phone")
    assert len(found) > 10
    assert all(recording.turns or recording.words for recording in found.values())
