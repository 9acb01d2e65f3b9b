"""Cursors come back as they were given out, or not at all."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cursors import Cursors
from api.errors import InvalidCursor

TENANT = uuid4()
VIEW = ("recordings", "queued", None)


@given(st.lists(st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.integers(0, 2**53))))
def test_a_position_comes_back(position: list[str | int]) -> None:
    cursors = Cursors(["key"])
    assert cursors.read(cursors.make(TENANT, VIEW, position), TENANT, VIEW) == position


@given(st.text(max_size=80))
def test_what_was_not_given_out_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        Cursors(["key"]).read(text, TENANT, VIEW)


def test_a_cursor_with_another_letter_anywhere_is_refused() -> None:
    cursors = Cursors(["key"])
    good = cursors.make(TENANT, VIEW, ["a", 7])
    for place in range(len(good) - 1):  # the last letter holds bits that mean nothing
        forged = good[:place] + ("A" if good[place] != "A" else "B") + good[place + 1 :]
        with pytest.raises(InvalidCursor):
            cursors.read(forged, TENANT, VIEW)


def test_a_cursor_is_good_for_its_tenant_and_its_list_only() -> None:
    cursors = Cursors(["key"])
    good = cursors.make(TENANT, VIEW, ["a"])
    with pytest.raises(InvalidCursor):
        cursors.read(good, uuid4(), VIEW)
    with pytest.raises(InvalidCursor):
        cursors.read(good, TENANT, ("recordings", "failed", None))


def test_a_cursor_outlives_a_new_key_for_as_long_as_the_old_one_is_named() -> None:
    old = Cursors(["old"]).make(TENANT, VIEW, ["a"])
    assert Cursors(["new", "old"]).read(old, TENANT, VIEW) == ["a"]
    with pytest.raises(InvalidCursor):
        Cursors(["new"]).read(old, TENANT, VIEW)
