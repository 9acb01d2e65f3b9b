"""Webhook secrets at rest."""

from __future__ import annotations

import base64
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.webhooks.secrets import SecretBox, SecretUnreadable, make_key
from api.webhooks.signing import make_secret
from pipeline.errors import InvalidOption

OLD, NEW = make_key(), make_key()
ENDPOINT, OTHER = UUID(int=1), UUID(int=2)
SECRET = make_secret()


@given(st.text(st.characters(exclude_categories=["Cs"])), st.uuids())
def test_secret_comes_out_as_it_went_in(secret: str, endpoint: UUID) -> None:
    box = SecretBox([NEW, OLD])
    assert box.open(box.seal(secret, endpoint), endpoint) == secret


def test_sealed_secret_shows_nothing_and_never_looks_the_same() -> None:
    box = SecretBox([NEW])
    sealed = {box.seal(SECRET, ENDPOINT) for _ in range(100)}
    assert len(sealed) == 100
    assert not any(SECRET in text or SECRET.removeprefix("whsec_") in text for text in sealed)


def test_secret_of_another_endpoint_does_not_open() -> None:
    box = SecretBox([NEW])
    with pytest.raises(SecretUnreadable):
        box.open(box.seal(SECRET, ENDPOINT), OTHER)


def test_keys_can_be_rotated() -> None:
    sealed = SecretBox([OLD]).seal(SECRET, ENDPOINT)
    both = SecretBox([NEW, OLD])
    assert both.needs_resealing(sealed)
    assert both.open(sealed, ENDPOINT) == SECRET
    anew = both.seal(both.open(sealed, ENDPOINT), ENDPOINT)
    assert not both.needs_resealing(anew)
    assert SecretBox([NEW]).open(anew, ENDPOINT) == SECRET
    with pytest.raises(SecretUnreadable, match="not configured"):
        SecretBox([NEW]).open(sealed, ENDPOINT)


@given(st.integers(0), st.integers(1, 255))
def test_changed_secret_does_not_open(position: int, flip: int) -> None:
    box = SecretBox([NEW])
    key_id, _, text = box.seal(SECRET, ENDPOINT).partition(".")
    data = bytearray(base64.urlsafe_b64decode(text))
    data[position % len(data)] ^= flip
    with pytest.raises(SecretUnreadable):
        box.open(f"{key_id}.{base64.urlsafe_b64encode(data).decode()}", ENDPOINT)


@pytest.mark.parametrize("tail", ["", ".", ".AAAA", ".not base64!", ".ä", "." + "A" * 16])
def test_row_that_was_never_sealed_does_not_open(tail: str) -> None:
    box = SecretBox([NEW])
    key_id = box.seal(SECRET, ENDPOINT).partition(".")[0]
    with pytest.raises(SecretUnreadable):
        box.open(key_id + tail, ENDPOINT)


@pytest.mark.parametrize("key", ["", "short", "ä" * 43, "A" * 40, "A" * 43, "A" * 48, "*" * 44])
def test_key_that_is_none_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(InvalidOption) as refusal:
        SecretBox([NEW, key])
    assert not key or key not in str(refusal.value)


def test_key_may_be_written_in_either_alphabet_of_base64() -> None:
    """`openssl rand -base64 32` writes the one, Python's own tools for keys the other."""
    standard, url_safe = "+/" * 21 + "8=", "-_" * 21 + "8="
    sealed = SecretBox([standard]).seal(SECRET, ENDPOINT)
    assert SecretBox([url_safe]).open(sealed, ENDPOINT) == SECRET


def test_box_without_a_key_is_refused() -> None:
    with pytest.raises(InvalidOption):
        SecretBox([])
