"""A worker whose jobs need no work, so that what is left is the service's own part; and a bare Celery task beside it.

`python -m benchmarks.service.idle_worker QUEUE`, told by the environment where the servers are.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

from redis import Redis

from api.bootstrap import connect
from api.jobs import lease
from api.jobs.lease import Claim
from api.queue import celery_app
from api.settings import Settings
from api.states import Pool
from workers.context import Context, Work
from workers.execution import settle
from workers.keeper import Keeper
from workers.serving import take_tasks
from workers.tasks import serve_pool

BARE = "bare"
"""Queue of the bare task."""
BARE_TASK = "hansard.bare"


def hand_on(context: Context, held: Claim, keeper: Keeper) -> None:
    """Do nothing to a recording."""
    keeper("decode", 1, 1)
    settle(context, held, lambda connection: lease.hand_on(connection, held, Pool.PROCESS, audio_seconds=1.0))


def succeed(redis: Redis, context: Context, held: Claim, keeper: Keeper) -> None:
    """Find nothing in it, and say so as the bare task does: whoever waits asks nobody in vain meanwhile."""
    keeper("asr", 1, 1)
    settle(context, held, lambda connection: lease.succeed(connection, held))
    redis.rpush(answer_key(held.job_id), 1)


def answer_key(asked: object) -> str:
    """Where the answer to a task or a job appears."""
    return f"answer-{asked}"


def main(queue: str) -> None:
    """Serve a queue until told to stop."""
    settings = Settings.from_environment()
    url = settings.redis_url.get_secret_value()
    app = celery_app(url)
    with tempfile.TemporaryDirectory() as scratch:
        redis = Redis.from_url(url)
        if queue == BARE:

            @app.task(name=BARE_TASK, ignore_result=True)
            def answer(number: str) -> None:
                redis.rpush(answer_key(number), 1)
        else:
            work: dict[Pool, Work] = {Pool.INGEST: hand_on, Pool.PROCESS: partial(succeed, redis)}
            serve_pool(app, Context(service=connect(settings), work=work, scratch=Path(scratch)), Pool(queue))
        take_tasks(app, queue, concurrency=1)


if __name__ == "__main__":
    main(sys.argv[1])
