"""What the stages of a job have finished, kept in the object store and pointed to by rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from api.errors import ObjectNotFound, OwnershipLost
from api.jobs.lease import Claim, still_owned
from api.storage.keys import stage_key
from api.tables import stage_outputs
from workers.context import Context
from workers.keeper import Keeper
from workers.metrics import CHECKPOINTS

log = structlog.get_logger()

CONTENT_TYPE: Final = "application/octet-stream"
_LAST_REPORT: Final = {
    "segmentation": "segmentation",
    "embedding": "embedding",
    "diarization": "relabelling",
    "recognition": "alignment",
}
# The progress that a stage reports last when it runs; one that was kept does not run.


@dataclass(kw_only=True)
class JobCheckpoints:
    """`pipeline.checkpoints.Checkpoints` of one claim.

    What was made from other audio, with other options, models or another version has another `input_hash`, and is not
    found. The object is written first, under a key with the fence in it; then the row, if the job is still this
    claim's.
    """

    context: Context
    held: Claim
    keeper: Keeper
    input_hash: str
    loaded: dict[str, bytes] = field(default_factory=dict)
    """All that was loaded or saved, for the result."""

    def load(self, stage: str) -> bytes | None:
        """Read what an earlier attempt has finished; None where it has not, or where it is damaged."""
        statement = select(stage_outputs.c.object_key, stage_outputs.c.sha256).where(
            stage_outputs.c.job_id == self.held.job_id,
            stage_outputs.c.stage == stage,
            stage_outputs.c.input_hash == self.input_hash,
        )
        with self.context.service.database.system() as connection:
            row = connection.execute(statement).one_or_none()
        if row is None:
            return None
        try:
            content = self.context.service.objects.get(row.object_key)
        except ObjectNotFound:
            content = b""
        if hashlib.sha256(content).digest() != row.sha256:
            _count(stage, "damaged")
            log.warning("checkpoint.damaged", stage=stage)
            return None
        _count(stage, "used")
        log.info("checkpoint.used", stage=stage)
        self.keeper(_LAST_REPORT[_stage_of(stage)], 1, 1)
        self.loaded[stage] = content
        return content

    def save(self, stage: str, content: bytes) -> None:
        """Keep what a stage has finished.

        Raises:
            OwnershipLost: the job is another worker's by now.
        """
        held = self.held
        self.context.reached(f"{stage} computed", held)
        key = stage_key(held.tenant_id, held.recording_id, held.job_id, stage, self.input_hash, held.fence)
        stored = self.context.service.objects.put(key, content, CONTENT_TYPE)
        self.context.reached(f"{stage} stored", held)
        row = {
            "job_id": held.job_id,
            "tenant_id": held.tenant_id,
            "recording_id": held.recording_id,
            "stage": stage,
            "input_hash": self.input_hash,
            "fence": held.fence,
            "object_key": key,
            "sha256": stored.sha256,
            "bytes": stored.size,
        }
        statement = insert(stage_outputs).values(row)
        with self.context.service.database.system() as connection:
            if not still_owned(connection, held):
                raise OwnershipLost
            connection.execute(statement.on_conflict_do_update(constraint=stage_outputs.primary_key, set_=row))
        self.loaded[stage] = content
        _count(stage, "saved")
        self.context.reached(f"{stage} kept", held)
        self.keeper.check()


def _stage_of(name: str) -> str:
    """The stage, of a name that may have a channel behind it."""
    return name.partition(".")[0]


def _count(name: str, outcome: str) -> None:
    CHECKPOINTS.labels(_stage_of(name), outcome).inc()
