"""Commands of the service that need no worker. Importing them loads nothing but Typer."""

from collections.abc import Callable, Mapping
from typing import Any

import typer

from api.cli.first_key import first_key
from api.cli.jobs import app as jobs
from api.cli.keys import app as keys
from api.cli.migrate import migrate
from api.cli.recordings import app as recordings
from api.cli.submit import submit
from api.cli.tenants import app as tenants
from api.cli.transcript import transcript
from api.cli.webhooks import app as webhooks

COMMANDS: tuple[Callable[..., Any], ...] = (submit, transcript, migrate, first_key)
"""In the order in which `hansard --help` lists them."""

GROUPS: Mapping[str, typer.Typer] = {
    "jobs": jobs,
    "recordings": recordings,
    "webhooks": webhooks,
    "keys": keys,
    "tenants": tenants,
}
"""Commands with commands of their own."""

__all__ = ["COMMANDS", "GROUPS"]
