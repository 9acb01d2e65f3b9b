"""An S3 bucket whose answers are written down here."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber
from pydantic import SecretStr

from api.errors import StorageUnavailable
from api.settings import Settings
from api.storage.foreign import ForeignBuckets
from api.storage.s3 import PART_BYTES, S3Store, s3_client
from pipeline.errors import SourceTooLarge
from tests.unit.api.http.applications import unconnected


@pytest.fixture
def client() -> Any:
    return boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="s")


@pytest.fixture
def stub(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stub:
        yield stub


@pytest.fixture
def store(client: Any) -> S3Store:
    return S3Store(client, client, "bucket")


def upload_of_parts(stub: Stubber, number: int) -> None:
    stub.add_response("create_multipart_upload", {"UploadId": "u"})
    for _ in range(number):
        stub.add_response("upload_part", {"ETag": "e"})


def found(stub: Stubber, content: bytes) -> None:
    body = StreamingBody(io.BytesIO(content), len(content))
    stub.add_response("get_object", {"Body": body}, {"Bucket": ANY, "Key": ANY})


class FullDisk(io.BytesIO):
    def write(self, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


class Cut(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        raise ConnectionResetError


class Piece(bytes):
    """Some bytes that say when nobody holds them any more."""

    gone: list[int]

    def __del__(self) -> None:
        self.gone.append(len(self))


def test_of_a_file_no_more_than_a_part_is_held(store: S3Store, stub: Stubber) -> None:
    gone: list[int] = []
    sizes = [PART_BYTES, PART_BYTES, 1, 0]

    class File(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            number = len(sizes) - len(left)
            assert len(gone) == number
            piece = Piece(left.pop(0))
            piece.gone = gone
            return piece

    left = list(sizes)
    upload_of_parts(stub, 3)
    stub.add_response("complete_multipart_upload", {})
    stored = store.put_stream("k", File(), "audio/wav", max_bytes=3 * PART_BYTES)
    assert stored.size == 2 * PART_BYTES + 1


def test_a_file_that_is_too_large_is_told_even_where_its_parts_cannot_be_removed(store: S3Store, stub: Stubber) -> None:
    upload_of_parts(stub, 1)
    stub.add_client_error("abort_multipart_upload", "InternalError")
    with pytest.raises(SourceTooLarge):
        store.put_stream("k", io.BytesIO(bytes(PART_BYTES + 1)), "audio/wav", max_bytes=PART_BYTES)
    stub.assert_no_pending_responses()


def test_an_upload_that_has_ended_by_itself_is_no_failure_of_a_deletion(store: S3Store, stub: Stubber) -> None:
    stub.add_response("list_multipart_uploads", {"Uploads": [{"Key": "p/a", "UploadId": "u"}]})
    stub.add_client_error("abort_multipart_upload", "NoSuchUpload")
    stub.add_response("list_object_versions", {})
    assert store.delete_all("p/") == 0


def test_a_disk_that_is_full_is_not_taken_for_a_store_that_is_away(store: S3Store, stub: Stubber, client: Any) -> None:
    found(stub, b"spoken")
    with pytest.raises(OSError, match="No space left"):
        store.download("k", FullDisk())
    found(stub, b"spoken")
    with pytest.raises(OSError, match="No space left"):
        ForeignBuckets(client).download("s3://calls/a", ["calls"], FullDisk(), max_bytes=10)


def test_a_connection_that_breaks_off_is_the_stores(store: S3Store, stub: Stubber, client: Any) -> None:
    stub.add_response("get_object", {"Body": StreamingBody(Cut(), 6)})
    with pytest.raises(StorageUnavailable):
        store.download("k", io.BytesIO())
    stub.add_response("get_object", {"Body": StreamingBody(Cut(), 6)})
    with pytest.raises(StorageUnavailable):
        ForeignBuckets(client).download("s3://calls/a", ["calls"], io.BytesIO(), max_bytes=10)


def test_how_long_the_store_may_be_silent_is_a_setting() -> None:
    settings = unconnected().settings.model_copy(
        update={"s3_timeout_seconds": 1.5, "s3_access_key": SecretStr("a"), "s3_secret_key": SecretStr("s")}
    )
    config: Any = s3_client(settings, None).meta.config
    assert config.read_timeout == 1.5
    assert Settings.model_fields["s3_timeout_seconds"].default == 30.0
