"""What a worker's process says."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.conftest import REPOSITORY

SCRIPT = """
import threading
from celery import signals
from api import logging
from api.queue import celery_app
from workers.serving import take_tasks

logging.configure()
app = celery_app("memory://")

@app.task(name="failing", ignore_result=True)
def failing():
    print("printed")
    raise ZeroDivisionError

@signals.worker_ready.connect(weak=False)
def begin(sender, **_):
    app.send_task("failing", queue="process")

@signals.task_failure.connect(weak=False)
def end(**_):
    app.control.shutdown()

take_tasks(app, "process", concurrency=1)
"""


def test_all_that_a_worker_logs_is_json_and_said_once() -> None:
    """Celery would set up logging of its own beside ours, and log whatever is printed as a warning."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, cwd=REPOSITORY, timeout=60
    )
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert len([one for one in events if "ZeroDivisionError" in one["event"]]) == 1
    assert "printed" in done.stdout
    assert not any("printed" in one["event"] for one in events)
