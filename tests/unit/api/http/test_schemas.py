"""What is accepted can be kept, read back and worked with."""

from __future__ import annotations

import json

import pytest

from api.http.bodies import parse
from api.http.problems import Invalid
from api.http.schemas import ApiKeyRequest, TenantUpdate


@pytest.mark.parametrize(
    "moment",
    [
        "9999-12-31T23:59:59-14:00",
        "9999-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1969-12-31T23:59:59Z",
        "2030-01-01T00:00:00",
    ],
)
def test_a_key_cannot_end_at_a_moment_that_not_every_zone_can_name(moment: str) -> None:
    body = {"name": "k", "scopes": ["read"], "expires_at": moment}
    with pytest.raises(Invalid) as caught:
        parse(ApiKeyRequest, json.dumps(body).encode())
    assert [entry.pointer for entry in caught.value.errors] == ["/expires_at"]


@pytest.mark.parametrize("moment", ["1970-01-01T00:00:00Z", "2030-01-01T00:00:00+01:00", "9998-12-31T23:59:59-14:00"])
def test_a_key_may_end_at_any_other(moment: str) -> None:
    body = {"name": "k", "scopes": ["read"], "expires_at": moment}
    assert parse(ApiKeyRequest, json.dumps(body).encode()).expires_at is not None


@pytest.mark.parametrize("weight", [1e-308, 0.0009, 0, -1, 1001, 1e308])
def test_a_weight_is_a_number_that_can_be_divided_by(weight: float) -> None:
    with pytest.raises(Invalid):
        parse(TenantUpdate, json.dumps({"weight": weight}).encode())


@pytest.mark.parametrize("weight", [0.001, 1, 1000])
def test_a_weight_may_lie_far_from_one(weight: float) -> None:
    assert parse(TenantUpdate, json.dumps({"weight": weight}).encode()).weight == weight
