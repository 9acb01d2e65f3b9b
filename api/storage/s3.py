"""An S3 bucket: AWS, SeaweedFS, or whatever else speaks it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from api.errors import ObjectNotFound, StorageUnavailable
from api.settings import Settings
from api.storage.store import Stored, UploadForm
from pipeline.errors import SourceTooLarge

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, ObjectIdentifierTypeDef

PART_BYTES: Final = 8 << 20
"""Of an object written piece by piece; S3 takes 10,000 parts, so 84 GB."""
READ_BYTES: Final = 1 << 20
CONNECT_SECONDS: Final = 5
_MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound"})


class S3Store:
    """`ObjectStore` in one bucket."""

    def __init__(self, client: S3Client, public: S3Client, bucket: str) -> None:
        self._client = client
        self._public = public
        self._bucket = bucket

    @classmethod
    def connect(cls, settings: Settings) -> S3Store:
        """Make the clients; nothing is opened yet."""
        public = settings.s3_public_endpoint or settings.s3_endpoint
        return cls(s3_client(settings, settings.s3_endpoint), s3_client(settings, public), settings.s3_bucket)

    def put(self, key: str, content: bytes, content_type: str) -> Stored:
        """Write an object in one request."""
        with storage_errors(key):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=content_type)
        digest = hashlib.sha256(content).digest()
        return Stored(key=key, size=len(content), sha256=digest, content_type=content_type)

    def put_stream(self, key: str, content: BinaryIO, content_type: str, *, max_bytes: int) -> Stored:
        """Write an object part by part; one that fits a single part in one request."""
        part = content.read(PART_BYTES)
        _within(len(part), max_bytes)
        if len(part) < PART_BYTES:
            return self.put(key, part, content_type)
        with storage_errors(key):
            upload = self._client.create_multipart_upload(Bucket=self._bucket, Key=key, ContentType=content_type)
        digest, size, parts = hashlib.sha256(), 0, list["CompletedPartTypeDef"]()
        try:
            while part:
                digest.update(part)
                size += len(part)
                _within(size, max_bytes)
                parts.append(self._put_part(key, upload["UploadId"], len(parts) + 1, part))
                part = b""  # let it go before the next one takes its room
                part = content.read(PART_BYTES)
            with storage_errors(key):
                self._client.complete_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=upload["UploadId"], MultipartUpload={"Parts": parts}
                )
        except BaseException:
            # What went wrong first is what is told; parts that stay go with everything of the recording.
            with suppress(StorageUnavailable):
                self._abort(key, upload["UploadId"])
            raise
        return Stored(key=key, size=size, sha256=digest.digest(), content_type=content_type)

    def _abort(self, key: str, upload: str) -> None:
        with storage_errors(key), suppress(self._client.exceptions.NoSuchUpload):  # it has ended
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload)

    def _put_part(self, key: str, upload: str, number: int, part: bytes) -> CompletedPartTypeDef:
        with storage_errors(key):
            sent = self._client.upload_part(Bucket=self._bucket, Key=key, UploadId=upload, PartNumber=number, Body=part)
        return {"ETag": sent["ETag"], "PartNumber": number}

    def get(self, key: str) -> bytes:
        """Read a whole object."""
        with storage_errors(key):
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def download(self, key: str, into: BinaryIO) -> int:
        """Copy an object into a file."""
        return sum(into.write(piece) for piece in pieces(self._client, self._bucket, key))

    def size(self, key: str) -> int:
        """Ask for an object's size."""
        with storage_errors(key):
            return self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"]

    def delete_all(self, prefix: str) -> int:
        """Remove all versions and delete markers below a prefix, and the parts of what is not complete."""
        # First: what is completed meanwhile is an object, and is found after.
        self._abort_all(prefix)
        removed = 0
        with storage_errors(prefix):
            for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix):
                found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
                doomed: list[ObjectIdentifierTypeDef] = [
                    {"Key": one["Key"], "VersionId": one["VersionId"]} for one in found
                ]
                if doomed:
                    answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": doomed, "Quiet": True})
                    _all_removed(answer.get("Errors", ()))
                removed += len(doomed)
        return removed

    def _abort_all(self, prefix: str) -> None:
        with storage_errors(prefix):
            for page in self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self._bucket, Prefix=prefix
            ):
                for upload in page.get("Uploads", ()):
                    self._abort(upload["Key"], upload["UploadId"])

    def upload_form(self, key: str, *, max_bytes: int, valid: timedelta) -> UploadForm:
        """Sign a form for one object."""
        form = self._public.generate_presigned_post(
            self._bucket,
            key,
            Conditions=[["content-length-range", 1, max_bytes]],
            ExpiresIn=int(valid.total_seconds()),
        )
        return UploadForm(url=form["url"], fields=form["fields"])

    def download_url(self, key: str, *, valid: timedelta, file_name: str) -> str:
        """Sign an address for one object."""
        parameters = {
            "Bucket": self._bucket,
            "Key": key,
            "ResponseContentDisposition": f'attachment; filename="{file_name}"',
        }
        return self._public.generate_presigned_url("get_object", parameters, int(valid.total_seconds()))

    def check(self) -> None:
        """Ask for the bucket."""
        with storage_errors(self._bucket):
            self._client.head_bucket(Bucket=self._bucket)


def s3_client(settings: Settings, endpoint: str | None) -> S3Client:
    """Make a client of an S3 endpoint; None for AWS."""
    access, secret = settings.s3_access_key, settings.s3_secret_key
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=settings.s3_region,
        aws_access_key_id=access.get_secret_value() if access else None,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        config=Config(
            # SeaweedFS and presigned forms need version 4 spelled out.
            signature_version="s3v4",
            connect_timeout=CONNECT_SECONDS,
            read_timeout=settings.s3_timeout_seconds,
            retries={"max_attempts": 3, "mode": "standard"},
            max_pool_connections=32,
        ),
    )
    return client


def pieces(client: S3Client, bucket: str, key: str) -> Iterator[bytes]:
    """An object, piece by piece. What goes wrong with a piece where it is used is none of the store's errors.

    Raises:
        ObjectNotFound: there is no such object.
        StorageUnavailable: the store does not answer.
    """
    with storage_errors(key):
        yield from client.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(READ_BYTES)


@contextmanager
def storage_errors(key: str) -> Iterator[None]:
    """Turn botocore's errors into ours."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in _MISSING:
            message = f"there is no object {key}"
            raise ObjectNotFound(message) from None
        message = f"the object store refuses ({code})"
        raise StorageUnavailable(message) from error
    except (BotoCoreError, OSError) as error:
        message = "the object store does not answer"
        raise StorageUnavailable(message) from error


def _within(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        message = f"the file is larger than the limit of {max_bytes} bytes"
        raise SourceTooLarge(message)


def _all_removed(errors: object) -> None:
    if errors:
        message = "the object store did not remove all objects"
        raise StorageUnavailable(message)
