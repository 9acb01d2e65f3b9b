"""The results file: several commands share it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.results import HEADER, replaced, write_section

BOTH = """\
# Results

By hand.

<!-- bench-a -->
old a
<!-- end of bench-a -->

In between.

<!-- bench-b -->
old b
<!-- end of bench-b -->

Last words.
"""


def test_section_is_replaced_where_it_is() -> None:
    """Nothing around it changes."""
    assert replaced(BOTH, "bench-a", "new\n\nsection\n") == BOTH.replace("old a", "new\n\nsection")


def test_section_can_be_replaced_again_and_again() -> None:
    once = replaced(BOTH, "bench-b", "new")
    assert replaced(once, "bench-b", "new") == once


def test_new_section_comes_last() -> None:
    text = replaced(BOTH, "bench-c", "c")
    assert text == f"{BOTH}\n<!-- bench-c -->\nc\n<!-- end of bench-c -->\n"


def test_name_that_begins_another_is_not_taken_for_it() -> None:
    text = replaced(BOTH, "bench", "whole")
    assert "old a" in text
    assert "old b" in text


def test_section_without_end_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="has no end"):
        replaced("<!-- bench-a -->\nold a\n", "bench-a", "new")


def test_missing_file_is_begun(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    write_section(path, "bench-a", "a")
    write_section(path, "bench-b", "b")
    write_section(path, "bench-a", "c")
    text = path.read_text()
    assert text.startswith(HEADER)
    assert text.index("\nc\n") < text.index("\nb\n")
    assert "\na\n" not in text
