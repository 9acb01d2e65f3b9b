"""The tables. Importing this package makes all of them known to `METADATA`."""

from api.tables.jobs import attempts, jobs, stage_outputs
from api.tables.metadata import METADATA
from api.tables.recordings import deletions, recordings, uploads
from api.tables.results import speakers, transcripts, turns
from api.tables.tenants import api_keys, audit_log, idempotency_keys, tenants
from api.tables.webhooks import outbox, webhook_attempts, webhook_deliveries, webhook_endpoints

__all__ = [
    "METADATA",
    "api_keys",
    "attempts",
    "audit_log",
    "deletions",
    "idempotency_keys",
    "jobs",
    "outbox",
    "recordings",
    "speakers",
    "stage_outputs",
    "tenants",
    "transcripts",
    "turns",
    "uploads",
    "webhook_attempts",
    "webhook_deliveries",
    "webhook_endpoints",
]
