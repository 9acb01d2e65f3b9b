"""Addresses that recordings are taken from. What hosts are allowed is tested with the outbound client."""

from __future__ import annotations

from uuid import uuid4

import pytest

from api.errors import BucketNotAllowed
from api.keys import Principal
from api.outbound.errors import UrlNotAllowed
from api.recordings.sources import checked_source, name_in, shown_source
from api.sources import SourceKind
from api.tenants import TenantLimits
from tests.unit.api.http.applications import unconnected

SETTINGS = unconnected().settings
PRINCIPAL = Principal(
    tenant_id=uuid4(), key_prefix="abc", scopes=frozenset(), limits=TenantLimits(source_buckets=("calls",))
)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("https://example.org/a.wav", SourceKind.URL),
        ("https://example.org:8443/a.wav?token=1", SourceKind.URL),
        ("s3://calls/2024/a b.wav", SourceKind.S3),
        ("s3://calls/?", SourceKind.S3),
    ],
)
def test_addresses_of_both_kinds_are_taken(address: str, kind: SourceKind) -> None:
    assert checked_source(address, PRINCIPAL, SETTINGS) is kind


@pytest.mark.parametrize(
    "address",
    [
        *("http://example.org/a.wav", "ftp://example.org/a", "file:///etc/passwd", "example.org/a.wav", ""),
        *("https://user@example.org/", "https://example.org:22/", "https://127.0.0.1/", "https://[::1]/"),
        *("https://169.254.169.254/", "https://2130706433/", "https://example.org/\0", "https://" + "a" * 9000),
    ],
)
def test_other_urls_are_refused(address: str) -> None:
    with pytest.raises(UrlNotAllowed):
        checked_source(address, PRINCIPAL, SETTINGS)


@pytest.mark.parametrize("address", ["s3://other/a", "s3://calls", "s3://calls/", "s3:///a", "s3://", "S3://[/a"])
def test_other_buckets_are_refused(address: str) -> None:
    with pytest.raises(BucketNotAllowed):
        checked_source(address, PRINCIPAL, SETTINGS)


def test_what_is_shown_of_an_address_holds_no_signature() -> None:
    assert shown_source("https://h.org/a/b.wav?X-Amz-Signature=1#x") == "https://h.org/a/b.wav"


@pytest.mark.parametrize(("address", "name"), [("https://h.org/a/b.wav?x=/c", "b.wav"), ("https://h.org", "")])
def test_the_last_part_of_a_path_is_its_name(address: str, name: str) -> None:
    assert name_in(address) == name
