"""Addresses that recordings are taken from."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from api.errors import BucketNotAllowed
from api.keys import Principal
from api.outbound.errors import UrlNotAllowed
from api.outbound.rules import url_rules
from api.outbound.urls import parse_url
from api.settings import Settings
from api.sources import SourceKind
from api.storage.foreign import bucket_and_key

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
LONGEST_ADDRESS: Final = 8192


def checked_source(address: str, principal: Principal, settings: Settings) -> SourceKind:
    """What kind of address it is, if recordings may be taken from there; nothing is looked up yet.

    Raises:
        UrlNotAllowed: its scheme, port, user or host is not allowed.
        BucketNotAllowed: the tenant may not read from the bucket.
    """
    if _CONTROL.search(address) or len(address) > LONGEST_ADDRESS:
        message = f"The URL is malformed, or longer than {LONGEST_ADDRESS} characters"
        raise UrlNotAllowed(message)
    if not address.lower().startswith("s3://"):
        parse_url(address, url_rules(settings))
        return SourceKind.URL
    try:
        bucket, _ = bucket_and_key(address)
    except ValueError:
        raise BucketNotAllowed from None
    if bucket not in principal.limits.source_buckets:
        message = f"the bucket {bucket} is not among those that this tenant's recordings may be taken from"
        raise BucketNotAllowed(message)
    return SourceKind.S3


def shown_source(address: str) -> str:
    """An address without what may be a secret in it: the query of a signed URL."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def name_in(address: str) -> str:
    """The last part of an address's path, for people."""
    return urlsplit(address).path.rsplit("/", 1)[-1]
