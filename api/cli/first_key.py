"""`hansard first-key`."""

from __future__ import annotations

import typer


def first_key() -> None:
    """Make an installation's first API key, for everything, and print it; nothing where a key can be used already."""
    from api.bootstrap import connect
    from api.first_key import first_key as make
    from api.settings import Settings

    key = make(connect(Settings.from_environment()).database)
    if key is None:
        typer.echo("there are keys that can be used; make more with one of them: hansard keys create", err=True)
    else:
        typer.echo(key)
