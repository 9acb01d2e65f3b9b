"""What tenants may be given."""

from __future__ import annotations

import pytest

from api.errors import InvalidRequest
from api.settings import Settings
from api.tenants import TenantChanges, check_buckets
from api.webhooks.secrets import make_key

SETTINGS = Settings.model_validate(
    {"database_url": "none://", "redis_url": "none://", "secret_keys": make_key(), "s3_bucket": "own"}
)


def test_the_bucket_of_the_service_is_nobodys_source() -> None:
    """All tenants' recordings lie there."""
    with pytest.raises(InvalidRequest) as refusal:
        check_buckets(TenantChanges(source_buckets=["calls", "own"]), SETTINGS)
    assert refusal.value.pointer == "/source_buckets/1"


@pytest.mark.parametrize("buckets", [None, [], ["calls", "owner"]])
def test_other_buckets_are(buckets: list[str] | None) -> None:
    check_buckets(TenantChanges(source_buckets=buckets), SETTINGS)
