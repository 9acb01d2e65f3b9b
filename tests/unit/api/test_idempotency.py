"""Which keys are taken."""

from __future__ import annotations

import pytest

from api.errors import IdempotencyKeyInvalid
from api.idempotency import checked


@pytest.mark.parametrize("key", [None, "a", "x" * 255, "8e03978e-40d5-43e8-bc93-6894a57f9324", "a b~!"])
def test_printable_ascii_is_taken(key: str | None) -> None:
    assert checked(key) == key


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb", "a\0", "a\n"])
def test_anything_else_is_not(key: str) -> None:
    with pytest.raises(IdempotencyKeyInvalid):
        checked(key)
