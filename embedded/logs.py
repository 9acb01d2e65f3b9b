"""The logs of children, kept from growing without bound."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

LOG_BYTES: Final = 50_000_000
"""A log beyond this is put aside: a child has twice as much on disk at most."""


def put_aside(log: Path) -> bool:
    """Move what a log holds to `LOG.1`, over what is there, where it is more than `LOG_BYTES`; tell whether it was.

    Copied and emptied, not renamed: the child holds it open. It appends, so that what it writes next comes first; what
    it writes between the end of the copy and the emptying is lost.

    Raises:
        OSError: the log is not there, or there is no room for the copy.
    """
    if log.stat().st_size <= LOG_BYTES:
        return False
    shutil.copyfile(log, log.with_name(log.name + ".1"))
    os.truncate(log, 0)
    return True
