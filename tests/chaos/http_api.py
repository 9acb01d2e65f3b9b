"""The API process, in a hurry, and on demand without its memory of requests.

`python -m tests.chaos.http_api --port 20000 [--without idempotency]`, told by the environment where the servers are.
"""

from __future__ import annotations

import argparse
from datetime import timedelta

from api import idempotency
from api.http import file_submission
from api.http.routes import recordings
from api.http.server import serve
from api.settings import Settings
from embedded.ports import LOOPBACK
from tests.chaos.plan import Part


def hasten_uploads() -> None:
    """Let the key of a request that has died be free again within seconds; those that live say so as often."""
    vars(idempotency)["IN_FLIGHT"] = timedelta(seconds=5)
    vars(file_submission)["PROLONGED_EVERY"] = 1.0


def forget_keys() -> None:
    """Take every request for the first of its kind."""
    vars(recordings)["checked"] = lambda _: None


def main() -> None:
    """Serve until told to stop, or killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--without", type=Part, choices=Part)
    told = parser.parse_args()
    hasten_uploads()
    if told.without is Part.IDEMPOTENCY:
        forget_keys()
    serve(Settings.from_environment(), LOOPBACK, told.port)


if __name__ == "__main__":
    main()
