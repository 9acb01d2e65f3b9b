from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli.recordings import find_recordings, unique_names


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["/d/talk.wav"], ["talk"]),
        (["/d/call.2024.01.wav"], ["call.2024.01"]),
        (["/d/talk.wav", "/d/talk.mp3"], ["talk.wav", "talk.mp3"]),
        (["/mon/talk.wav", "/tue/talk.wav"], ["mon_talk.wav", "tue_talk.wav"]),
        (["/1/mon/talk.wav", "/2/mon/talk.wav"], ["1_mon_talk.wav", "2_mon_talk.wav"]),
        (["/d/Talk.wav", "/d/talk.mp3"], ["Talk.wav", "talk.mp3"]),
        (["-"], ["stdin"]),
    ],
)
def test_names_are_as_short_as_they_can_be(paths: list[str], names: list[str]) -> None:
    assert list(unique_names([Path(path) for path in paths])) == names


@given(
    st.lists(
        st.lists(st.sampled_from(["a", "b", "a_b", "B"]), min_size=1, max_size=4).map(lambda parts: Path("/", *parts)),
        unique=True,
        max_size=8,
    )
)
def test_names_differ_whatever_the_paths(paths: list[Path]) -> None:
    """Also where a file system does not tell upper from lower case."""
    names = unique_names(paths)
    assert len({name.casefold() for name in names}) == len(paths)
    assert all("/" not in name for name in names)


def test_recording_named_twice_counts_once(tmp_path: Path) -> None:
    talk = tmp_path / "talk.wav"
    talk.touch()
    assert [recording.name for recording in find_recordings([talk, tmp_path, talk])] == ["talk"]


def test_missing_recording_is_kept_for_its_turn(tmp_path: Path) -> None:
    assert [recording.name for recording in find_recordings([tmp_path / "absent.wav"])] == ["absent"]
