"""Where a recording comes from."""

from __future__ import annotations

from enum import StrEnum


class SourceKind(StrEnum):
    """The ways in."""

    UPLOAD = "upload"
    """Sent to the API, or straight to the object store with a presigned form."""
    URL = "url"
    """Fetched from an https address."""
    S3 = "s3"
    """Fetched from a bucket that the tenant may read."""
