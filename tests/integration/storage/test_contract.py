"""What every object store does, the real one and the one in memory."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest

from api.errors import BucketNotAllowed, ObjectNotFound, StorageUnavailable
from api.storage import InMemoryStore, ObjectStore, S3Store
from api.storage.foreign import ForeignBuckets, bucket_and_key
from api.storage.s3 import PART_BYTES, s3_client
from pipeline.errors import SourceNotFound, SourceTooLarge

if TYPE_CHECKING:
    from api.settings import Settings

VALID = timedelta(minutes=5)


@pytest.fixture(params=["s3", "memory"])
def objects(request: pytest.FixtureRequest) -> ObjectStore:
    if request.param == "memory":
        return InMemoryStore()
    return S3Store.connect(request.getfixturevalue("settings"))


@pytest.fixture
def prefix() -> str:
    return f"tests/{uuid4()}/"


def test_what_was_put_is_got(objects: ObjectStore, prefix: str) -> None:
    stored = objects.put(f"{prefix}a", b"spoken", "text/plain")
    assert (stored.size, stored.sha256) == (6, hashlib.sha256(b"spoken").digest())
    assert objects.get(f"{prefix}a") == b"spoken"
    assert objects.size(f"{prefix}a") == 6


@pytest.mark.parametrize("size", [0, 1, PART_BYTES - 1, PART_BYTES, 2 * PART_BYTES + 5])
def test_a_stream_arrives_whole(objects: ObjectStore, prefix: str, size: int) -> None:
    content = bytes(index % 251 for index in range(1009)) * (size // 1009 + 1)
    content = content[:size]
    stored = objects.put_stream(f"{prefix}b", io.BytesIO(content), "audio/wav", max_bytes=size)
    assert (stored.size, stored.sha256) == (size, hashlib.sha256(content).digest())
    into = io.BytesIO()
    assert objects.download(f"{prefix}b", into) == size
    assert into.getvalue() == content


@pytest.mark.parametrize("size", [11, PART_BYTES + 1, 2 * PART_BYTES + 1])
def test_of_a_stream_that_is_too_large_nothing_is_kept(objects: ObjectStore, prefix: str, size: int) -> None:
    with pytest.raises(SourceTooLarge):
        objects.put_stream(f"{prefix}c", io.BytesIO(bytes(size)), "audio/wav", max_bytes=size - 1)
    with pytest.raises(ObjectNotFound):
        objects.size(f"{prefix}c")


def test_what_is_not_there_is_said_so(objects: ObjectStore, prefix: str) -> None:
    with pytest.raises(ObjectNotFound):
        objects.get(f"{prefix}nothing")
    with pytest.raises(ObjectNotFound):
        objects.download(f"{prefix}nothing", io.BytesIO())


def test_everything_below_a_prefix_is_deleted_and_nothing_beside_it(objects: ObjectStore, prefix: str) -> None:
    for name in ("a", "deep/b", "deep/er/c"):
        objects.put(f"{prefix}1/{name}", b"x", "text/plain")
    objects.put(f"{prefix}1x", b"beside", "text/plain")
    assert objects.delete_all(f"{prefix}1/") == 3
    assert objects.delete_all(f"{prefix}1/") == 0
    assert objects.get(f"{prefix}1x") == b"beside"


def test_no_version_of_a_deleted_object_is_left(settings: Settings, prefix: str) -> None:
    objects = S3Store.connect(settings)
    for content in (b"first", b"second"):
        objects.put(f"{prefix}a", content, "text/plain")
    assert objects.delete_all(prefix) == 2
    assert objects.delete_all(prefix) == 0


def test_of_what_was_written_in_parts_and_never_completed_nothing_is_left(settings: Settings, prefix: str) -> None:
    objects, client, bucket = S3Store.connect(settings), s3_client(settings, settings.s3_endpoint), settings.s3_bucket
    for key in (f"{prefix}1/a", f"{prefix}1/b", f"{prefix}1x"):
        begun = client.create_multipart_upload(Bucket=bucket, Key=key)
        upload, part = begun["UploadId"], bytes(PART_BYTES)
        client.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=part)
    objects.put(f"{prefix}1/c", b"x", "text/plain")
    assert objects.delete_all(f"{prefix}1/") == 1
    left = client.list_multipart_uploads(Bucket=bucket, Prefix=prefix)["Uploads"]
    assert [one["Key"] for one in left] == [f"{prefix}1x"]
    assert objects.delete_all(prefix) == 0


def test_a_form_lets_a_client_send_a_file_and_no_larger_one(settings: Settings, prefix: str) -> None:
    objects = S3Store.connect(settings)
    form = objects.upload_form(f"{prefix}up", max_bytes=10, valid=VALID)
    sent = httpx.post(form.url, data=dict(form.fields), files={"file": b"0123456789"})
    assert sent.is_success, sent.text
    assert objects.get(f"{prefix}up") == b"0123456789"
    refused = httpx.post(form.url, data=dict(form.fields), files={"file": b"0123456789a"})
    assert refused.is_client_error
    assert objects.get(f"{prefix}up") == b"0123456789"


def test_an_address_lets_a_client_read_one_object(settings: Settings, prefix: str) -> None:
    objects = S3Store.connect(settings)
    objects.put(f"{prefix}down", b"words", "text/plain")
    url = objects.download_url(f"{prefix}down", valid=VALID, file_name="talk.txt")
    assert httpx.get(url).content == b"words"
    assert httpx.get(url.replace("/down", "/other")).is_client_error


def test_a_store_that_is_away_is_said_to_be(settings: Settings) -> None:
    away = S3Store.connect(settings.model_copy(update={"s3_endpoint": "http://127.0.0.1:9"}))
    with pytest.raises(StorageUnavailable):
        away.check()


def test_a_bucket_that_is_not_there_is_not_ready(settings: Settings) -> None:
    S3Store.connect(settings).check()
    with pytest.raises((StorageUnavailable, ObjectNotFound)):
        S3Store.connect(settings.model_copy(update={"s3_bucket": "nobodys"})).check()


def test_a_recording_is_taken_from_a_bucket_that_is_allowed(settings: Settings, prefix: str) -> None:
    S3Store.connect(settings).put(f"{prefix}talk.wav", b"spoken", "audio/wav")
    buckets, address = ForeignBuckets.connect(settings), f"s3://{settings.s3_bucket}/{prefix}talk.wav"
    into = io.BytesIO()
    assert buckets.download(address, [settings.s3_bucket], into, max_bytes=6) == 6
    assert into.getvalue() == b"spoken"
    with pytest.raises(BucketNotAllowed):
        buckets.download(address, ["another"], io.BytesIO(), max_bytes=6)
    with pytest.raises(SourceTooLarge):
        buckets.download(address, [settings.s3_bucket], io.BytesIO(), max_bytes=5)
    with pytest.raises(SourceNotFound):
        buckets.download(f"{address}x", [settings.s3_bucket], io.BytesIO(), max_bytes=6)


@pytest.mark.parametrize(
    "address", ["s3://", "s3://bucket", "s3://bucket/", "https://bucket/key", "bucket/key", "s3:///key"]
)
def test_what_is_no_address_in_a_bucket_is_refused(address: str) -> None:
    with pytest.raises(BucketNotAllowed):
        bucket_and_key(address)


def test_a_key_is_taken_as_it_is_written() -> None:
    assert bucket_and_key("s3://calls/2026/a?b#c d.wav") == ("calls", "2026/a?b#c d.wav")
