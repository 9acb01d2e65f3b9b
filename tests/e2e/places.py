"""Everywhere that a system keeps something, searched for words."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from redis import Redis
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from api.db import psycopg_url
from api.storage.s3 import s3_client
from api.tables import METADATA

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from api.settings import Settings
    from embedded.system import System


def rows_with(system: System, words: Collection[str]) -> dict[str, list[str]]:
    """Rows that hold one of the words anywhere, as text, by table."""
    found: dict[str, list[str]] = {}
    engine = create_engine(psycopg_url(system.stores.database_url), poolclass=NullPool)
    with engine.connect() as connection:
        for table in METADATA.tables:
            rows = connection.execute(text(f'SELECT line::text FROM "{table}" line')).scalars().all()  # noqa: S608
            if hits := [row for row in rows if any(word in row for word in words)]:
                found[table] = hits
    return found


def objects(settings: Settings) -> Iterator[tuple[str, bytes]]:
    """Key and content of every version of every object."""
    client = bucket_client(settings)
    for page in client.get_paginator("list_object_versions").paginate(Bucket=settings.s3_bucket):
        for one in page.get("Versions", ()):
            key, version = one["Key"], one["VersionId"]
            yield key, client.get_object(Bucket=settings.s3_bucket, Key=key, VersionId=version)["Body"].read()
    client.close()


def objects_with(system: System, words: Collection[str]) -> list[str]:
    """Keys of objects whose key, or content in some version, holds one of the words."""
    return [
        key
        for key, content in objects(system.settings)
        if any(word in key or word.encode() in content for word in words)
    ]


def keys_with(system: System, words: Collection[str]) -> list[str]:
    """Keys of Valkey that hold one of the words, in their names or in what they are the keys of."""
    with Redis.from_url(system.stores.redis_url, decode_responses=True) as client:
        held = {str(key): _value(client, str(key)) for key in client.scan_iter()}
    return [key for key, value in held.items() if any(word in key or word in value for word in words)]


def logs_with(folder: Path, words: Collection[str]) -> list[str]:
    """Names of logs that hold one of the words."""
    texts = {log.name: log.read_text(encoding="utf-8", errors="replace") for log in folder.iterdir()}
    return [name for name, said in texts.items() if any(word in said for word in words)]


def bucket_client(settings: Settings) -> S3Client:
    return s3_client(settings, settings.s3_endpoint)


def _value(client: Redis, key: str) -> str:
    """All that lies under a key; one that went meanwhile is empty."""
    reader: dict[str, Any] = {
        "string": lambda: client.get(key),
        "list": lambda: client.lrange(key, 0, -1),
        "hash": lambda: client.hgetall(key),
        "set": lambda: client.smembers(key),
        "zset": lambda: client.zrange(key, 0, -1),
        "none": lambda: "",
    }
    return repr(reader[cast("str", client.type(key))]())
