"""From the address and key of a command line to a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import InvalidOption
from pipeline.extras import require

if TYPE_CHECKING:
    from api.client import Client


def connect(url: str | None, key: str | None) -> Client:
    """Make a client; nothing is asked of the service yet.

    Raises:
        InvalidOption: there is no address or key, or they cannot be such.
        MissingDependency: httpx is not installed.
    """
    missing = [told for value, told in ((url, "HANSARD_URL (--url)"), (key, "HANSARD_API_KEY (--key)")) if not value]
    if not url or not key:
        message = f"which service? set {' and '.join(missing)}; `hansard up` runs one here and prints them"
        raise InvalidOption(message)
    require("httpx", "client")
    from api.client import Client

    return Client(url, key)
