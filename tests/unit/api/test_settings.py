"""Settings that cannot be used are refused when they are read."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from api.errors import InvalidSettings
from api.settings import Settings

KEY = "A" * 43 + "="
GIVEN = {"HANSARD_DATABASE_URL": "postgresql://a", "HANSARD_REDIS_URL": "redis://a", "HANSARD_SECRET_KEYS": KEY}


def refused(name: str, value: str) -> str:
    with pytest.raises(InvalidSettings) as caught:
        Settings.from_mapping(GIVEN | {name: value})
    return str(caught.value)


@pytest.mark.parametrize("keys", [KEY, f"{KEY}, {'-_' * 21}A=", f"{'+/' * 21}A=,"])
def test_keys_are_taken_in_either_alphabet(keys: str) -> None:
    assert Settings.from_mapping(GIVEN | {"HANSARD_SECRET_KEYS": keys}).secret_keys


@pytest.mark.parametrize("keys", ["", " ", ","])
def test_at_least_one_key_is_needed(keys: str) -> None:
    assert refused("HANSARD_SECRET_KEYS", keys).startswith("HANSARD_SECRET_KEYS: ")


@pytest.mark.parametrize("key", ["hunter2", "hunter2" * 6 + "A", "hunter2é" * 5, "hunter2A" * 8])
def test_a_key_that_cannot_be_used_is_named_by_its_place_and_not_shown(key: str) -> None:
    told = refused("HANSARD_SECRET_KEYS", f"{KEY},{key}")
    assert "key 2" in told
    assert "hunter2" not in told
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"database_url": "a", "redis_url": "a", "secret_keys": f"{KEY},{key}"})
    assert "hunter2" not in repr(caught.value)


@pytest.mark.parametrize("networks", ["10.0.0.1/8", "fd00::1/8", "10.0.0.0/33", "intranet", "10.0.0.0/8,x"])
def test_what_is_no_network_is_refused(networks: str) -> None:
    assert refused("HANSARD_ALLOWED_NETWORKS", networks).startswith("HANSARD_ALLOWED_NETWORKS: ")


@pytest.mark.parametrize("networks", ["", "10.0.0.0/8", "127.0.0.1, fd00::/8"])
def test_networks_may_be_named_or_none(networks: str) -> None:
    read = Settings.from_mapping(GIVEN | {"HANSARD_ALLOWED_NETWORKS": networks})
    assert list(read.allowed_networks) == [part.strip() for part in networks.split(",") if part]
