"""How a worker process ends itself, for its supervisor to start another."""

from __future__ import annotations

import os
import signal
import threading
from typing import Final

import structlog

from api.jobs.lease import Claim

HUNG_STATUS: Final = 70
"""Exit status of a worker whose work hung."""
DEVICE_LOST_STATUS: Final = 71
"""Exit status of a worker whose GPU has failed, where it could not end in order."""
GRACE_SECONDS: Final = 30.0
"""For jobs to be let go of, before the process ends with them."""
log = structlog.get_logger()


def end_at_once(held: Claim) -> None:
    """End a process whose work hangs: there is no other way to stop a thread."""
    log.error("worker.hung", attempt=held.attempt, fence=held.fence)
    os._exit(HUNG_STATUS)


def end_in_order() -> None:
    """End as on SIGTERM, which lets go of jobs at their next step; at the latest after half a minute."""
    log.error("worker.device_lost")
    late = threading.Timer(GRACE_SECONDS, os._exit, (DEVICE_LOST_STATUS,))
    late.daemon = True
    late.start()
    os.kill(os.getpid(), signal.SIGTERM)
