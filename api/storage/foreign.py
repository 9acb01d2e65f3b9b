"""Recordings that lie in somebody else's bucket."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, BinaryIO, Final
from urllib.parse import urlsplit

from api.errors import BucketNotAllowed, ObjectNotFound
from api.settings import Settings
from api.storage.s3 import pieces, s3_client
from pipeline.errors import SourceNotFound, SourceTooLarge

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SCHEME: Final = "s3"


def bucket_and_key(address: str) -> tuple[str, str]:
    """Take `s3://bucket/key` apart.

    Raises:
        BucketNotAllowed: it is no such address.
    """
    parts = urlsplit(address)
    bucket, key = parts.netloc, address.removeprefix(f"{SCHEME}://{parts.netloc}/")
    if parts.scheme != SCHEME or not bucket or not key or key == address:
        message = "an address in a bucket has the form s3://bucket/key"
        raise BucketNotAllowed(message)
    return bucket, key


class ForeignBuckets:
    """Reads from buckets, with the service's own credentials, that a tenant may name."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    @classmethod
    def connect(cls, settings: Settings) -> ForeignBuckets:
        """Make the client; nothing is opened yet."""
        return cls(s3_client(settings, settings.s3_endpoint))

    def download(self, address: str, allowed: Collection[str], into: BinaryIO, *, max_bytes: int) -> int:
        """Copy an object into a file, piece by piece; its bytes.

        Raises:
            BucketNotAllowed: the bucket is not one of `allowed`.
            SourceNotFound: there is no such object.
            SourceTooLarge: it has more than `max_bytes`.
            StorageUnavailable: the store does not answer.
        """
        bucket, key = bucket_and_key(address)
        if bucket not in allowed:
            message = f"the bucket {bucket} is not among those that recordings may be taken from"
            raise BucketNotAllowed(message)
        size = 0
        try:
            for piece in pieces(self._client, bucket, key):
                size += into.write(piece)
                if size > max_bytes:
                    message = f"the recording is larger than the limit of {max_bytes} bytes"
                    raise SourceTooLarge(message)
        except ObjectNotFound as missing:
            message = f"the bucket {bucket} holds no object of that key"
            raise SourceNotFound(message) from missing
        return size
