"""Real servers, started once for this module."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import stat
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from botocore.exceptions import ClientError
from redis import Redis
from redis.exceptions import AuthenticationError

from embedded.errors import DataDirectoryInUse
from embedded.stores import Stores
from tests.integration.embedded.household import (
    SERVERS,
    WRONG,
    answers,
    check_kept,
    eventually,
    keep,
    s3,
    with_wrong_key,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stores") / "not made yet"


@pytest.fixture(scope="module")
def stores(data: Path) -> Iterator[Stores]:
    with Stores.start(data) as started:
        keep(started)
        yield started


def test_postgres_takes_utf8_and_tells_time_in_utc(stores: Stores) -> None:
    with psycopg.connect(stores.database_url) as connection:
        found = connection.execute(
            "SELECT upper('é'), current_setting('timezone'), current_setting('server_encoding'), current_database()"
        ).fetchone()
    assert found == ("É", "UTC", "UTF8", "hansard")


def test_postgres_refuses_a_wrong_password(stores: Stores) -> None:
    wrong = re.sub(r":[^:@]+@", f":{WRONG}@", stores.database_url)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_valkey_evicts_nothing_and_writes_nothing_to_disk(stores: Stores) -> None:
    with Redis.from_url(stores.redis_url) as client:
        settings = client.config_get("maxmemory-policy", "save", "appendonly")
    assert settings == {"maxmemory-policy": "noeviction", "save": "", "appendonly": "no"}


def test_valkey_refuses_a_wrong_password_and_none(stores: Stores) -> None:
    wrong = re.sub(r":[^:@]+@", f":{WRONG}@", stores.redis_url)
    none = re.sub(r":[^:@]+@", "", stores.redis_url)
    for url in (wrong, none):
        with Redis.from_url(url) as client, pytest.raises(AuthenticationError):
            client.ping()


def test_the_object_store_refuses_a_wrong_key(stores: Stores) -> None:
    with s3(with_wrong_key(stores.objects)) as client, pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client.list_objects_v2(Bucket=stores.objects.bucket)


@pytest.mark.parametrize(
    ("door", "path"),
    [("s3.port", "/hansard/kept"), ("filer.port", "/buckets/hansard/kept"), ("volume.port", "/1,0123456789ab")],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_no_door_of_the_object_store_opens_without_a_signature(
    stores: Stores, data: Path, door: str, path: str, method: str
) -> None:
    """The servers behind the S3 gateway hold the same objects."""
    port = json.loads((data / "ports.json").read_text())[door]
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request(method, path, body=b"new" if method == "PUT" else None)
        assert connection.getresponse().status in {401, 403}


def test_an_object_is_gone_when_every_version_is(stores: Stores) -> None:
    bucket = stores.objects.bucket
    with s3(stores.objects) as client:
        for body in (b"first", b"second"):
            client.put_object(Bucket=bucket, Key="twice", Body=body)
        client.delete_object(Bucket=bucket, Key="twice")
        versions = versions_of(client, bucket, "twice")
        assert len(versions) == 3
        for version in versions:
            client.delete_object(Bucket=bucket, Key="twice", VersionId=version)
        assert versions_of(client, bucket, "twice") == []


def test_a_readiness_check_leaves_nothing_in_the_bucket(stores: Stores) -> None:
    with s3(stores.objects) as client:
        assert versions_of(client, stores.objects.bucket, ".") == []


def versions_of(client: S3Client, bucket: str, prefix: str) -> list[str]:
    """Versions and deletion markers."""
    found = client.list_object_versions(Bucket=bucket, Prefix=prefix)
    return [each["VersionId"] for each in (*found.get("Versions", []), *found.get("DeleteMarkers", []))]


def test_a_large_object_is_stored_in_parts_and_read_in_ranges(stores: Stores) -> None:
    """Parts pass from server to server, with signatures of their own."""
    bucket, part = stores.objects.bucket, secrets.token_bytes(5 * 2**20)
    with s3(stores.objects) as client:
        upload = client.create_multipart_upload(Bucket=bucket, Key="large")["UploadId"]
        parts: list[CompletedPartTypeDef] = []
        for number in (1, 2):
            sent = client.upload_part(Bucket=bucket, Key="large", UploadId=upload, PartNumber=number, Body=part)
            parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        client.complete_multipart_upload(Bucket=bucket, Key="large", UploadId=upload, MultipartUpload={"Parts": parts})
        wanted = f"bytes={len(part) - 10}-{len(part) + 9}"
        middle = client.get_object(Bucket=bucket, Key="large", Range=wanted)["Body"].read()
    assert middle == part[-10:] + part[:10]


def test_all_ports_are_on_loopback_alone(stores: Stores, data: Path) -> None:
    ours = set(json.loads((data / "ports.json").read_text()).values())
    listening: dict[int, str] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, port = local.split(":")
            if state == "0A" and int(port, 16) in ours:
                listening[int(port, 16)] = address
    assert set(listening.values()) == {"0100007F"}
    # The admin server of SeaweedFS, whose pages are switched off, leaves one of its two ports alone.
    assert len(ours) - len(listening) <= 1


def test_no_password_can_be_read_by_others(stores: Stores, data: Path) -> None:
    credentials = json.loads((data / "credentials.json").read_text())
    commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in stores.supervisor.pids().values()]
    logs = [log.read_text() for log in (data / "logs").iterdir()]
    for secret in (value for name, value in credentials.items() if name != "access_key"):
        assert not any(secret in text for text in (*commands, *logs))
    for file in ("credentials.json", "valkey/valkey.conf", "seaweedfs/identities.json"):
        assert stat.S_IMODE((data / file).stat().st_mode) == 0o600
    assert credentials["secret_key"] not in repr(stores.objects)


def test_a_second_start_is_refused_with_the_process_that_runs_them(stores: Stores, data: Path) -> None:
    with pytest.raises(DataDirectoryInUse, match=f"{data} is in use by process {os.getpid()} "):
        Stores.start(data)
    check_kept(stores)


@pytest.mark.parametrize("server", SERVERS)
def test_a_killed_server_comes_back_with_its_data(stores: Stores, server: str) -> None:
    before = stores.supervisor.pids()
    os.kill(before[server], signal.SIGKILL)
    assert eventually(lambda: stores.supervisor.pids().get(server, before[server]) != before[server])
    assert eventually(lambda: answers(stores))
    check_kept(stores)
    others = {name: pid for name, pid in stores.supervisor.pids().items() if name != server}
    assert others == {name: pid for name, pid in before.items() if name != server}
