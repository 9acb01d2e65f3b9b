"""What the tests ask of real servers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psycopg
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from redis import Redis
from redis.exceptions import RedisError

from embedded.seaweedfs import ObjectStore
from embedded.stores import Stores

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PATIENCE = 30.0
"""Seconds that a test waits for what has to happen."""
SERVERS = ("postgres", "valkey", "seaweedfs")
WRONG = "not-the-password"

START_AND_WAIT = """
import os, sys
from pathlib import Path
from embedded.stores import Stores
from tests.integration.embedded.household import check_kept, keep
stores = Stores.start(Path(sys.argv[1]))
keep(stores)
check_kept(stores)
print(os.geteuid(), *stores.supervisor.pids().values(), flush=True)
if sys.argv[2:] == ["stop"]:
    stores.stop()
else:
    sys.stdin.read()
"""
"""Starts the servers in the folder that it is given, says who it is and who they are, and waits to be killed."""


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def family(pid: int) -> set[int]:
    """A process, its children, and theirs."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    children = {int(word) for task in tasks for word in task.read_text().split()}
    return {pid}.union(*(family(child) for child in children))


def eventually(happens: Callable[[], bool]) -> bool:
    until = time.monotonic() + PATIENCE
    while not happens():
        if time.monotonic() >= until:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def s3(store: ObjectStore) -> Iterator[S3Client]:
    client = boto3.client(
        "s3",
        endpoint_url=store.endpoint,
        region_name=store.region,
        aws_access_key_id=store.access_key,
        aws_secret_access_key=store.secret_key,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )
    with closing(client):
        yield client


def with_wrong_key(store: ObjectStore) -> ObjectStore:
    return replace(store, secret_key=WRONG)


def keep(stores: Stores) -> None:
    """Put something into Postgres and into the object store."""
    with psycopg.connect(stores.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('kept')")
    with s3(stores.objects) as client:
        client.put_object(Bucket=stores.objects.bucket, Key="kept", Body=b"kept")


def check_kept(stores: Stores) -> None:
    """Find it again, and Valkey in working order."""
    with psycopg.connect(stores.database_url) as connection:
        assert ("kept",) in connection.execute("SELECT word FROM kept").fetchall()
    with s3(stores.objects) as client:
        assert client.get_object(Bucket=stores.objects.bucket, Key="kept")["Body"].read() == b"kept"
    with Redis.from_url(stores.redis_url) as broker:
        assert broker.ping()


def answers(stores: Stores) -> bool:
    """Whether all three do what they are there for, with what they were given to keep."""
    try:
        check_kept(stores)
    except (psycopg.OperationalError, RedisError, BotoCoreError, ClientError):
        return False
    return True
