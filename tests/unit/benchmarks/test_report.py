"""A table for people, from what the contestants did."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

from rich.console import Console

from benchmarks.meeting import first_line, notes, versions
from benchmarks.report import Report
from tests.unit.benchmarks.answers import NOTHING_KNOWN, outcome, response

OURS = outcome("hansard", 10.0, 30.0, 10.0, quality=replace(NOTHING_KNOWN, wer=0.123, insertions=4, deletions=0))
THEIRS = outcome("peer", 20.0, 60.0, 22.0, environment="peers")
REPORT = Report(
    name="bench-file",
    title="A race",
    facts={"date": "2026-01-02"},
    seconds=360.0,
    outcomes=(OURS, THEIRS),
    remarks=("left out: other: no network",),
)


def test_times_are_medians_for_an_hour_of_audio() -> None:
    assert [row[:2] for row in REPORT.rows] == [["hansard", "100.0"], ["peer", "220.0"]]


def test_ratio_is_to_the_first_round_by_round() -> None:
    column = REPORT.header.index("CPU ÷ hansard")
    assert [row[column] for row in REPORT.rows] == ["1", "2.00 (2.00–2.20)"]


def test_what_one_does_not_do_is_a_dash() -> None:
    column = REPORT.header.index("WER %")
    assert [row[column] for row in REPORT.rows] == ["12.3", "–"]


def test_what_nobody_does_has_no_column() -> None:
    assert "DER %" not in REPORT.header


def test_section_has_facts_table_and_remarks() -> None:
    lines = REPORT.markdown().splitlines()
    assert lines[0] == "## A race"
    assert "- date: 2026-01-02" in lines
    assert "| peer | 220.0 | 2.00 (2.00–2.20) | 440.0 | 300 | – | – | – |" in lines
    assert lines[-1] == "- left out: other: no network"


def test_console_shows_every_contestant() -> None:
    console = Console(width=160, file=StringIO())
    with console.capture() as captured:
        console.print(REPORT.table())
    shown = captured.get()
    assert "hansard" in shown
    assert "peer" in shown


def test_versions_are_told_by_environment() -> None:
    assert versions([OURS, THEIRS]) == "[hansard] peer 1.2; [peers] peer 1.2"


def test_a_note_is_told_once() -> None:
    noted = replace(THEIRS, responses=(response(1.0, notes=("slow", "cold")),))
    assert notes([noted, OURS, noted]) == ("slow", "cold")


def test_failure_is_told_in_one_line() -> None:
    assert first_line("it ended badly:\n  File x\n\n  KeyError: 'a'\n") == "it ended badly: KeyError: 'a'"
    assert first_line("refused") == "refused"


def test_one_round_has_no_spread() -> None:
    report = replace(REPORT, outcomes=(outcome("hansard", 10.0), outcome("peer", 20.0)))
    assert [row[2] for row in report.rows] == ["1", "2.00"]
