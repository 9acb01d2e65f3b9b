"""Where objects lie. Everything of a recording is below one prefix, so that it can be deleted with one sweep.

```
tenants/{tenant}/recordings/{recording}/source                         the file as it came
                                       /audio/{fence}.flac             16 kHz, what the models read
                                       /jobs/{job}/stages/{stage}/{input hash}/{fence}
                                       /jobs/{job}/results/{fence}/{transcript.json, turns.jsonl, …}
```

A fence is in the key wherever two workers could write at once: a stale one never overwrites.
"""

from __future__ import annotations

from uuid import UUID


def recording_prefix(tenant_id: UUID, recording_id: UUID) -> str:
    """Everything of a recording."""
    return f"tenants/{tenant_id}/recordings/{recording_id}/"


def source_key(tenant_id: UUID, recording_id: UUID) -> str:
    """The file as it came."""
    return f"{recording_prefix(tenant_id, recording_id)}source"


def audio_key(tenant_id: UUID, recording_id: UUID, fence: int) -> str:
    """The decoded recording."""
    return f"{recording_prefix(tenant_id, recording_id)}audio/{fence}.flac"


def stage_key(tenant_id: UUID, recording_id: UUID, job_id: UUID, stage: str, input_hash: str, fence: int) -> str:
    """What a stage of a job gave."""
    return f"{recording_prefix(tenant_id, recording_id)}jobs/{job_id}/stages/{stage}/{input_hash}/{fence}"


def result_key(tenant_id: UUID, recording_id: UUID, job_id: UUID, fence: int, name: str) -> str:
    """One file of a result."""
    return f"{recording_prefix(tenant_id, recording_id)}jobs/{job_id}/results/{fence}/{name}"
