"""What a worker counts, for Prometheus.

Labels have few values: pools, priorities, stages, outcomes and reasons are fixed in the code, models are those that can
be asked for. Quality is by tenant, and there of as many as `MOST_TENANTS` in a process; see `workers.quality_metrics`.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

SECONDS: Final = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000)

# Dispatcher: every one of them sees the same queues.
QUEUED = Gauge("hansard_queued_jobs", "Jobs that wait for a worker.", ("pool", "priority"))
QUEUE_AGE = Gauge("hansard_queue_age_seconds", "How long the job that waits longest has waited.", ("pool", "priority"))
DUE = Gauge("hansard_due_deliveries", "Webhooks that are due.")
DELIVERY_AGE = Gauge("hansard_delivery_age_seconds", "How long the webhook that is due longest has been due.")
ROUND_AT = Gauge("hansard_dispatcher_round_timestamp_seconds", "When the dispatcher last counted the queues.")
REAPED = Counter("hansard_leases_expired", "Jobs whose worker was lost.")
DEAD = Counter("hansard_dead_jobs", "Jobs given up because they took their worker with them too often.")

# Ingest and process workers.
RUNNING = Gauge("hansard_running_jobs", "Jobs at which this worker is.", ("pool",))
ATTEMPTS = Counter("hansard_job_attempts", "Attempts at jobs, by how they ended.", ("pool", "outcome"))
HEARTBEATS_FAILED = Counter("hansard_heartbeat_failures", "Heartbeats that the database did not answer.", ("pool",))
STAGE_SECONDS = Histogram("hansard_stage_seconds", "Wall-clock time of a stage.", ("stage",), buckets=SECONDS)
SANDBOX_FAILURES = Counter("hansard_sandbox_failures", "Decoders' processes without a proper end.", ("cause",))
CHECKPOINTS = Counter(
    "hansard_checkpoints", "Outputs of stages: saved, used by a later attempt, or damaged.", ("stage", "outcome")
)
REAL_TIME_FACTOR = Histogram(
    "hansard_real_time_factor_ratio",
    "Seconds of work for a second of audio.",
    ("model",),
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
)
GPU_MEMORY = Gauge("hansard_gpu_memory_used_bytes", "Memory of the GPU in use, by whomever.", ("device",))
GPU_MEMORY_SIZE = Gauge("hansard_gpu_memory_size_bytes", "Memory that the GPU has.", ("device",))

# Webhook workers.
WEBHOOK_ATTEMPTS = Counter("hansard_webhook_attempts", "Webhooks posted, by what came of it.", ("outcome",))
WEBHOOK_SECONDS = Histogram(
    "hansard_webhook_seconds",
    "Time until an endpoint had answered, or was given up.",
    buckets=(0.05, 0.1, 0.3, 1, 3, 10, 15),
)
