"""`hansard webhooks`."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Annotated, Any
from uuid import UUID

import typer

from api.cli import options as cli
from pipeline.errors import InvalidOption

app = typer.Typer(help="Say who is told when jobs end.", no_args_is_help=True)


@app.command()
def create(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="https:// address to post to.", show_default=False)],
    url: cli.Url = None,
    key: cli.Key = None,
    events: Annotated[
        list[str] | None,
        typer.Option("--event", metavar="TYPE", help="job.succeeded, job.failed, …; may be repeated. Default: all."),
    ] = None,
    description: Annotated[str, typer.Option("--description", metavar="TEXT", help="A note for people.")] = "",
    as_json: cli.AsJson = False,
) -> None:
    """Make an endpoint, and print its secret, which is shown this once."""
    from api.cli.connecting import connect

    with connect(url, key) as client:
        _print(client.webhooks.create(address, events or (), description), as_json=as_json)


@app.command("list")
def list_endpoints(url: cli.Url = None, key: cli.Key = None, as_json: cli.AsJson = False) -> None:
    """List endpoints, the newest first."""
    from api.cli.connecting import connect
    from api.cli.showing import print_json, print_table, when

    with connect(url, key) as client:
        found = client.webhooks.list()
    if as_json:
        for endpoint in found:
            print_json(endpoint)
        return
    rows = [
        (
            *(one["id"], one["url"], ", ".join(one["events"]) or "all"),
            *("yes" if one["enabled"] else f"no: {one['disabled_reason']}", when(one["created_at"])),
            one["description"],
        )
        for one in found
    ]
    print_table(("id", "address", "events", "enabled", "created (UTC)", "description"), rows)


@app.command()
def rotate(endpoint_id: cli.EndpointId, url: cli.Url = None, key: cli.Key = None, as_json: cli.AsJson = False) -> None:
    """Give an endpoint a new secret, which is shown this once; for 24 hours both sign."""
    from api.cli.connecting import connect

    with connect(url, key) as client:
        _print(client.webhooks.rotate(endpoint_id), as_json=as_json)


@app.command()
def enable(endpoint_id: cli.EndpointId, url: cli.Url = None, key: cli.Key = None, as_json: cli.AsJson = False) -> None:
    """Let an endpoint be told again."""
    from api.cli.connecting import connect

    with connect(url, key) as client:
        _print(client.webhooks.change(endpoint_id, enabled=True), as_json=as_json)


@app.command()
def disable(endpoint_id: cli.EndpointId, url: cli.Url = None, key: cli.Key = None, as_json: cli.AsJson = False) -> None:
    """Tell an endpoint nothing any more, and drop what is on its way."""
    from api.cli.connecting import connect

    with connect(url, key) as client:
        _print(client.webhooks.change(endpoint_id, enabled=False), as_json=as_json)


@app.command()
def delete(endpoint_id: cli.EndpointId, url: cli.Url = None, key: cli.Key = None) -> None:
    """Take an endpoint away."""
    from api.cli.connecting import connect

    with connect(url, key) as client:
        client.webhooks.delete(endpoint_id)
    typer.echo(f"{endpoint_id}: deleted")


@app.command("test")
def send_test(
    endpoint_id: cli.EndpointId, url: cli.Url = None, key: cli.Key = None, as_json: cli.AsJson = False
) -> None:
    """Send an endpoint an event of the type webhook.test."""
    from api.cli.connecting import connect
    from api.cli.showing import print_json

    with connect(url, key) as client:
        sent = client.webhooks.test(endpoint_id)
    if as_json:
        print_json(sent)
    else:
        typer.echo(f"{sent['event_id']}: sent; to see what came of it: hansard webhooks deliveries {endpoint_id}")


@app.command()
def deliveries(
    endpoint_id: cli.EndpointId,
    url: cli.Url = None,
    key: cli.Key = None,
    limit: cli.Limit = 20,
    as_json: cli.AsJson = False,
) -> None:
    """List what an endpoint was sent and what it answered, the newest first."""
    from api.cli.connecting import connect
    from api.cli.showing import print_json, print_table, when

    with connect(url, key) as client:
        found = list(islice(client.webhooks.deliveries(endpoint_id), limit))
    if as_json:
        for delivery in found:
            print_json(delivery)
        return
    rows = [
        (
            *(one["event_id"], one["type"], one["state"], len(one["attempts"]), _last_answer(one)),
            *(when(one["created_at"]), when(one["next_attempt_at"])),
        )
        for one in found
    ]
    print_table(("event", "type", "state", "attempts", "last answer", "created (UTC)", "next attempt (UTC)"), rows)


@app.command()
def replay(
    endpoint_id: cli.EndpointId,
    url: cli.Url = None,
    key: cli.Key = None,
    event: Annotated[UUID | None, typer.Option(help="One event, by its webhook-id.")] = None,
    after: Annotated[
        datetime | None,
        typer.Option(parser=cli.parse_moment, metavar="TIME", help="All from this moment, ISO 8601, …"),
    ] = None,
    before: Annotated[
        datetime | None, typer.Option(parser=cli.parse_moment, metavar="TIME", help="… until before this one.")
    ] = None,
    as_json: cli.AsJson = False,
) -> None:
    """Deliver one event, or all of a stretch of time, once more, each under the same webhook-id as before."""
    from api.cli.connecting import connect
    from api.cli.showing import print_json

    with connect(url, key) as client:
        if event is not None and after is None and before is None:
            number = client.webhooks.replay(endpoint_id, event)
        elif event is None and after is not None and before is not None:
            number = client.webhooks.replay_range(endpoint_id, after=after, before=before)
        else:
            message = "say which events: either --event, or --after and --before"
            raise InvalidOption(message)
    if as_json:
        print_json({"deliveries": number})
    else:
        typer.echo(f"{number} {'delivery is' if number == 1 else 'deliveries are'} on the way")


def _print(endpoint: dict[str, Any], *, as_json: bool) -> None:
    from api.cli.showing import print_fields, print_json

    print_json(endpoint) if as_json else print_fields(endpoint)


def _last_answer(delivery: dict[str, Any]) -> object:
    if not delivery["attempts"]:
        return ""
    last = delivery["attempts"][-1]
    return last["error"] if last["status"] is None else last["status"]
