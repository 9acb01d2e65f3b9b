"""The first pool's work: from wherever a recording is to 16 kHz audio in the object store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final, cast

from sqlalchemy import Connection, RowMapping, select, update
from sqlalchemy.dialects.postgresql import insert

from api.errors import NotFound, ObjectNotFound
from api.jobs import lease
from api.jobs.lease import Claim, Outcome
from api.outbound.client import OutboundClient
from api.outbound.receiving import FetchLimits
from api.settings import Settings
from api.sources import SourceKind
from api.states import Pool
from api.storage.foreign import ForeignBuckets
from api.storage.keys import audio_key, source_key
from api.tables import recordings, stage_outputs, tenants
from pipeline.errors import SourceNotFound
from pipeline.options import DecodeLimits
from workers.context import Context
from workers.execution import settle
from workers.keeper import Keeper
from workers.sandbox.decode import Decoded, decode_in_sandbox
from workers.sandbox.limits import SandboxLimits
from workers.stages import stage
from workers.watched_file import WatchedFile

AUDIO_STAGE: Final = "audio"
"""The name under which decoded audio stands among the stages' outputs."""
FLAC: Final = "audio/flac"
UNKNOWN: Final = "application/octet-stream"


@dataclass(frozen=True, kw_only=True)
class Ingest:
    """Fetches, checks and decodes."""

    client: OutboundClient
    buckets: ForeignBuckets
    decode: Callable[..., Decoded] = decode_in_sandbox

    def __call__(self, context: Context, held: Claim, keeper: Keeper) -> None:
        """Store the audio of a job's recording, and hand the job on."""
        recording = _recording(context, held)
        done_before = _stored_audio(context, held)
        if done_before is not None:
            # An earlier job of the same recording has decoded it already.
            settle(context, held, lambda connection: _hand_on_stored(connection, held, done_before, recording))
            return

        def stopped() -> bool:
            keeper.check()
            return False

        with TemporaryDirectory(dir=context.scratch, prefix="ingest-") as name:
            folder = Path(name)
            with stage("fetch"):
                source, digest = self._fetch(context, held, recording, folder / "source", keeper)
            context.reached("fetched", held)
            with stage("decode"):
                decoded = self.decode(
                    source,
                    folder,
                    name=recording["name"],
                    limits=_limits(context.service.settings),
                    channels=held.options.get("channels", "auto"),
                    progress=lambda done, total: keeper("decode", done, total),
                    cancelled=stopped,
                )
            context.reached("decoded", held)
            key = audio_key(held.tenant_id, held.recording_id, held.fence)
            with stage("store"), decoded.flac.open("rb") as flac:
                context.service.objects.put_stream(key, _watched(flac, keeper), FLAC, max_bytes=decoded.bytes)
            keeper("decode", 1, 1)
            context.reached("audio stored", held)
            size = source.stat().st_size
        settle(context, held, lambda connection: _hand_on(connection, held, decoded, key, digest, size))

    def _fetch(
        self, context: Context, held: Claim, recording: RowMapping, into: Path, keeper: Keeper
    ) -> tuple[Path, bytes]:
        """Get the file as it came; a copy is kept, so that it is fetched from elsewhere only once."""
        service, kind = context.service, SourceKind(recording["source_kind"])
        key = source_key(held.tenant_id, held.recording_id)
        keeper("fetch", 0, 1)
        with into.open("w+b") as file:
            watched = _watched(file, keeper)
            if not _copied(context, key, watched):
                limit = service.settings.max_upload_bytes
                if kind is SourceKind.URL:
                    self.client.fetch(recording["source"], watched, limits=FetchLimits(max_bytes=limit))
                elif kind is SourceKind.S3:
                    self.buckets.download(recording["source"], _allowed(context, held), watched, max_bytes=limit)
                else:
                    raise SourceNotFound
                file.seek(0)
                service.objects.put_stream(key, watched, UNKNOWN, max_bytes=limit)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").digest()
        keeper("fetch", 1, 1)
        return into, digest


def _watched(file: BinaryIO, keeper: Keeper) -> BinaryIO:
    """The file, with a sign of life to the keeper for each piece that is copied: gigabytes may take an hour."""
    return cast("BinaryIO", WatchedFile(file, keeper.alive))


def _recording(context: Context, held: Claim) -> RowMapping:
    with context.service.database.system() as connection:
        row = (
            connection.execute(select(recordings).where(recordings.c.id == held.recording_id)).mappings().one_or_none()
        )
    if row is None:
        raise NotFound
    return row


def _stored_audio(context: Context, held: Claim) -> RowMapping | None:
    statement = (
        select(stage_outputs)
        .where(stage_outputs.c.stage == AUDIO_STAGE, stage_outputs.c.recording_id == held.recording_id)
        .order_by(stage_outputs.c.created_at.desc())
        .limit(1)
    )
    with context.service.database.system() as connection:
        return connection.execute(statement).mappings().one_or_none()


def _copied(context: Context, key: str, file: BinaryIO) -> bool:
    try:
        context.service.objects.download(key, file)
    except ObjectNotFound:
        return False
    return True


def _allowed(context: Context, held: Claim) -> list[str]:
    with context.service.database.system() as connection:
        found = connection.execute(select(tenants.c.source_buckets).where(tenants.c.id == held.tenant_id))
        return list(found.scalar_one())


def _limits(settings: Settings) -> SandboxLimits:
    return SandboxLimits(
        decode=DecodeLimits(
            max_seconds=settings.max_audio_seconds,
            min_seconds=settings.min_audio_seconds,
            max_bytes=settings.max_upload_bytes,
        )
    )


def _hand_on(connection: Connection, held: Claim, decoded: Decoded, key: str, digest: bytes, size: int) -> Outcome:
    """Write what was found, and queue the job for the models."""
    notices = [asdict(notice) for notice in decoded.notices]
    connection.execute(
        update(recordings)
        .where(recordings.c.id == held.recording_id)
        .values(
            bytes=size,
            sha256=digest,
            duration=decoded.seconds,
            channels=decoded.channels,
            media={**decoded.media, "notices": notices},
        )
    )
    _keep_audio(connection, held, key=key, sha256=bytes.fromhex(decoded.sha256), size=decoded.bytes)
    return lease.hand_on(connection, held, Pool.PROCESS, audio_seconds=decoded.seconds)


def _hand_on_stored(connection: Connection, held: Claim, audio: RowMapping, recording: RowMapping) -> Outcome:
    _keep_audio(connection, held, key=audio["object_key"], sha256=audio["sha256"], size=audio["bytes"])
    return lease.hand_on(connection, held, Pool.PROCESS, audio_seconds=recording["duration"])


def _keep_audio(connection: Connection, held: Claim, *, key: str, sha256: bytes, size: int) -> None:
    row = {
        "job_id": held.job_id,
        "tenant_id": held.tenant_id,
        "recording_id": held.recording_id,
        "stage": AUDIO_STAGE,
        "input_hash": sha256.hex(),
        "fence": held.fence,
        "object_key": key,
        "sha256": sha256,
        "bytes": size,
    }
    statement = insert(stage_outputs).values(row)
    connection.execute(statement.on_conflict_do_update(constraint=stage_outputs.primary_key, set_=row))
