"""`hansard up` on servers that somebody else runs."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from api.client import Client
from embedded.stores import Stores
from tests.e2e.processes import KEY, of, up
from tests.e2e.recordings import silence
from tests.integration.embedded.household import s3

pytestmark = pytest.mark.weights

BUCKET = "brought-along"


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Stores]:
    """Somebody's servers, with an empty bucket."""
    with Stores.start(tmp_path / "theirs") as started:
        with s3(started.objects) as client:
            client.create_bucket(Bucket=BUCKET)
        yield started


def test_servers_that_the_environment_names_are_used_and_not_started(
    theirs: Stores, model: str, cache: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "ours"
    folder.mkdir()
    variables = {
        "HANSARD_DATABASE_URL": theirs.database_url,
        # Another database of the same server.
        "HANSARD_REDIS_URL": theirs.redis_url.removesuffix("/0") + "/3",
        "HANSARD_S3_ENDPOINT": theirs.objects.endpoint,
        "HANSARD_S3_BUCKET": BUCKET,
        "HANSARD_S3_REGION": theirs.objects.region,
        "HANSARD_S3_ACCESS_KEY": theirs.objects.access_key,
        "HANSARD_S3_SECRET_KEY": theirs.objects.secret_key,
        "HANSARD_SECRET_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }
    with up(folder, cache, model=model, variables=variables) as started:
        with Client(started.address, started.line().removeprefix(KEY)) as client:
            submitted = client.submit_file(silence(folder / "silence.wav", 1.0))
            assert client.wait(submitted["job"]["id"])["state"] == "succeeded"
        recording = submitted["recording"]["id"]
        assert not [words for words in of(folder).values() if "postgres" in words[0] or "weed" in words[0]]
        assert started.stop() == []
        assert started.process.returncode == 0
    assert {place.name for place in (folder / "data").iterdir()} & {
        "postgres",
        "valkey",
        "seaweedfs",
        "secret.key",
    } == set()
    with psycopg.connect(theirs.database_url) as connection:
        assert connection.execute("SELECT id::text FROM recordings").fetchall() == [(recording,)]
    with s3(theirs.objects) as client:
        ours = client.list_objects_v2(Bucket=BUCKET)["Contents"]
        assert {recording in one["Key"] for one in ours} == {True}
        assert client.list_objects_v2(Bucket=theirs.objects.bucket)["KeyCount"] == 0
    with Redis.from_url(theirs.redis_url) as broker:
        assert broker.dbsize() == 0
