"""The command above a table can be typed again, anywhere."""

from __future__ import annotations

import pytest

from benchmarks.facts import command


@pytest.mark.parametrize(
    ("bench", "arguments", "typed"),
    [
        ("bench-file", ["file"], "make bench-file"),
        ("bench-file", ["file", "--rounds", "1"], "make bench-file BENCH_ARGS='--rounds 1'"),
        ("bench-file", ["file", "/home/anna/a call.wav"], "make bench-file BENCH_ARGS=''\"'\"'a call.wav'\"'\"''"),
        ("bench-engine", ["--jobs", "5"], "make bench-engine BENCH_ARGS='--jobs 5'"),
    ],
)
def test_folders_of_this_machine_are_not_named(bench: str, arguments: list[str], typed: str) -> None:
    assert command(bench, arguments) == typed
