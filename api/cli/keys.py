"""`hansard keys`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from api.cli import options as cli

app = typer.Typer(help="Make and end API keys.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who or what uses it.", show_default=False)],
    scopes: Annotated[
        list[str],
        typer.Option("--scope", metavar="SCOPE", help="read, write, webhooks, keys or admin; may be repeated."),
    ],
    url: cli.Url = None,
    key: cli.Key = None,
    expires: Annotated[
        datetime | None,
        typer.Option(parser=cli.parse_moment, metavar="TIME", help="ISO 8601 moment of its end. Default: never."),
    ] = None,
    tenant: Annotated[UUID | None, typer.Option(help="Tenant that it is for; administrators only.")] = None,
    as_json: cli.AsJson = False,
) -> None:
    """Make a key, and print it: it is shown this once. It can have no scope that the asking key lacks."""
    from api.cli.connecting import connect
    from api.cli.showing import print_json

    with connect(url, key) as client:
        made = client.keys.create(name, scopes, expires_at=expires, tenant_id=tenant)
    if as_json:
        print_json(made)
    else:
        typer.echo(f"{made['id']}: made; the key is shown this once:", err=True)
        typer.echo(made["key"])


@app.command("list")
def list_keys(url: cli.Url = None, key: cli.Key = None, as_json: cli.AsJson = False) -> None:
    """List keys without their secrets, the newest first, revoked ones too."""
    from api.cli.connecting import connect
    from api.cli.showing import print_json, print_table, when

    with connect(url, key) as client:
        found = list(client.keys.list())
    if as_json:
        for one in found:
            print_json(one)
        return
    moments = ("created_at", "last_used_at", "expires_at", "revoked_at")
    rows = [
        (one["id"], one["name"], one["prefix"], ", ".join(one["scopes"]), *(when(one[moment]) for moment in moments))
        for one in found
    ]
    print_table(("id", "name", "prefix", "scopes", "created (UTC)", "used", "expires", "revoked"), rows)


@app.command()
def revoke(
    key_id: Annotated[UUID, typer.Argument(metavar="ID", help="Id of a key, not the key itself.", show_default=False)],
    url: cli.Url = None,
    key: cli.Key = None,
    as_json: cli.AsJson = False,
) -> None:
    """End a key for good. It is refused within seconds."""
    from api.cli.connecting import connect
    from api.cli.showing import print_json

    with connect(url, key) as client:
        ended = client.keys.revoke(key_id)
    if as_json:
        print_json(ended)
    else:
        typer.echo(f"{key_id}: revoked")
