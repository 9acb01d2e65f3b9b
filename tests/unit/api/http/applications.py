"""An application whose database does not exist: for what needs none."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from pydantic import SecretStr

from api.db import Database
from api.queue import InMemoryQueue
from api.settings import Settings
from api.storage import InMemoryStore

if TYPE_CHECKING:
    from api.bootstrap import Service


def unconnected() -> Service:
    """A service that can be made, and asked for its description; its database refuses connections."""
    from api.bootstrap import Service

    settings = Settings(
        database_url=SecretStr("postgresql://nobody@127.0.0.1:1/nothing"),
        redis_url=SecretStr("redis://127.0.0.1:1/0"),
        secret_keys=(SecretStr(base64.urlsafe_b64encode(bytes(32)).decode()),),
    )
    return Service(
        settings=settings, database=Database.connect(settings), objects=InMemoryStore(), queue=InMemoryQueue()
    )
