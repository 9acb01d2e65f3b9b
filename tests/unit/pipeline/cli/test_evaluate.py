from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.pipeline.cli.conftest import Cli

TRUTH = "SPEAKER talk 1 0.000 8.000 <NA> <NA> ann <NA> <NA>\nSPEAKER talk 1 8.000 2.000 <NA> <NA> bob <NA> <NA>\n"
GUESS = "SPEAKER talk 1 0.000 9.000 <NA> <NA> S0 <NA> <NA>\nSPEAKER talk 1 9.000 1.000 <NA> <NA> S1 <NA> <NA>\n"


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """One second of ten is given to the wrong speaker."""
    truth, guess = tmp_path / "truth" / "talk.rttm", tmp_path / "guess" / "talk.rttm"
    for path, text in ((truth, TRUTH), (guess, GUESS)):
        path.parent.mkdir()
        path.write_text(text)
    return truth, guess


def test_table_is_in_percent(cli: Cli, pair: tuple[Path, Path]) -> None:
    result = cli("evaluate", *pair)
    assert result.code == 0
    head, row = (line.split() for line in result.out.splitlines())
    assert dict(zip(head, row, strict=True))["DER"] == "10.00"


def test_json_is_in_shares_of_one(cli: Cli, pair: tuple[Path, Path]) -> None:
    plain = json.loads(cli("evaluate", *pair, "--json").out)
    assert plain["recordings"]["talk"]["der"] == pytest.approx(0.1)
    assert json.loads(cli("evaluate", *pair, "--json", "--collar", "1").out)["total"]["der"] == 0


def test_folders_are_paired_by_name(cli: Cli, pair: tuple[Path, Path]) -> None:
    truth, guess = pair
    (guess.parent / "other.rttm").write_text(GUESS)
    result = cli("evaluate", truth.parent, guess.parent)
    assert "no reference for: other" in result.out


def test_nothing_in_common_is_misuse(cli: Cli, pair: tuple[Path, Path], tmp_path: Path) -> None:
    result = cli("evaluate", pair[0], tmp_path / "absent.rttm")
    assert (result.code, "[source-not-found]" in result.err) == (1, True)
    result = cli("evaluate", pair[0], __file__)
    assert (result.code, "cannot be scored" in result.err) == (2, True)
