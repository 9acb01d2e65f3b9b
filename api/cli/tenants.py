"""`hansard tenants`."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import typer

from api.cli import options as cli
from pipeline.errors import InvalidOption

app = typer.Typer(help="Administer those who share the installation.", no_args_is_help=True)

Weight = Annotated[
    float | None,
    typer.Option(metavar="X", help="Of two with work waiting, one of twice the weight gets twice the audio through."),
]
MaxQueued = Annotated[int | None, typer.Option(min=0, metavar="N", help="Jobs that may wait at once.")]
MaxRequests = Annotated[int | None, typer.Option(min=0, metavar="N", help="Requests a minute.")]
Buckets = Annotated[
    list[str] | None,
    typer.Option("--source-bucket", metavar="NAME", help="S3 bucket recordings may be taken from; may be repeated."),
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    url: cli.Url = None,
    key: cli.Key = None,
    weight: Weight = None,
    max_queued: MaxQueued = None,
    max_requests_per_minute: MaxRequests = None,
    source_buckets: Buckets = None,
    as_json: cli.AsJson = False,
) -> None:
    """Make a tenant. Its first key is made with `hansard keys create --tenant`."""
    from api.cli.connecting import connect

    with connect(url, key) as client:
        made = client.tenants.create(
            name,
            weight=weight,
            max_queued=max_queued,
            max_requests_per_minute=max_requests_per_minute,
            source_buckets=source_buckets or None,
        )
    _print(made, as_json=as_json)


@app.command("list")
def list_tenants(url: cli.Url = None, key: cli.Key = None, as_json: cli.AsJson = False) -> None:
    """List tenants, the oldest first."""
    from api.cli.connecting import connect
    from api.cli.showing import print_json, print_table, when

    with connect(url, key) as client:
        found = list(client.tenants.list())
    if as_json:
        for one in found:
            print_json(one)
        return
    rows = [
        (
            *(one["id"], one["name"], f"{one['weight']:g}", one["max_queued"], one["max_requests_per_minute"]),
            *(", ".join(one["source_buckets"]), when(one["created_at"])),
        )
        for one in found
    ]
    print_table(("id", "name", "weight", "jobs", "requests a minute", "buckets", "created (UTC)"), rows)


@app.command()
def update(
    tenant_id: Annotated[UUID, typer.Argument(metavar="TENANT", help="Id of a tenant.", show_default=False)],
    url: cli.Url = None,
    key: cli.Key = None,
    weight: Weight = None,
    max_queued: MaxQueued = None,
    max_requests_per_minute: MaxRequests = None,
    source_buckets: Buckets = None,
    no_source_buckets: Annotated[bool, typer.Option("--no-source-buckets", help="Take all buckets away.")] = False,
    as_json: cli.AsJson = False,
) -> None:
    """Change what is given; it acts within seconds. Buckets that are given replace those before."""
    from api.cli.connecting import connect

    if no_source_buckets and source_buckets:
        message = "--source-bucket and --no-source-buckets contradict each other"
        raise InvalidOption(message)
    with connect(url, key) as client:
        changed = client.tenants.update(
            tenant_id,
            weight=weight,
            max_queued=max_queued,
            max_requests_per_minute=max_requests_per_minute,
            source_buckets=[] if no_source_buckets else source_buckets or None,
        )
    _print(changed, as_json=as_json)


def _print(tenant: dict[str, Any], *, as_json: bool) -> None:
    from api.cli.showing import print_fields, print_json

    print_json(tenant) if as_json else print_fields(tenant)
