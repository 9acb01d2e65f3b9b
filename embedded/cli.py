"""`hansard up`: everything on this machine."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.extras import require

if TYPE_CHECKING:
    from embedded.life import Event

DATA = Path.home() / ".local" / "share" / "hansard"


def up(
    data: Annotated[Path, typer.Option(help="Folder for everything that is kept.")] = DATA,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the API; by default one that stays the same.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address that the API listens on.")] = "127.0.0.1",
    model: Annotated[str | None, typer.Option(help="Recognizer for jobs that name none.")] = None,
) -> None:
    """Run the whole service on this machine until Ctrl-C: Postgres, Valkey, SeaweedFS, API and workers."""
    require("sqlalchemy", "embedded")
    from embedded.interruption import Interruption
    from embedded.system import running

    with Interruption() as interruption:
        try:
            typer.echo(f"starting; data and logs are in {data}", err=True)
            with running(
                data.expanduser(), port=port, host=host, model=model, observe=tell, hurry=interruption.hurry
            ) as system:
                typer.echo(f"HANSARD_URL={system.address}")
                if system.new_key is not None:
                    typer.echo(f"HANSARD_API_KEY={system.new_key}")
                    typer.echo("the key is shown this once; more can be made with it", err=True)
                typer.echo("ready; Ctrl-C stops it", err=True)
                system.stores.supervisor.wait()
        except KeyboardInterrupt:
            # A terminal that was closed takes no more.
            with suppress(OSError):
                typer.echo("stopped", err=True)


def tell(event: Event) -> None:
    """Print what happens to a process, on standard error."""
    after = "" if event.restart_seconds is None else f"; again in {event.restart_seconds:.1f} s"
    status = "" if event.status is None else f" with status {event.status}"
    typer.echo(f"  {event.name}: {event.happening}{status}{after}", err=True)


def demo(
    recording: Annotated[Path, typer.Argument(help="Recording to send through the service.")],
    data: Annotated[Path, typer.Option(help="Folder for what the service keeps.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")],
    model: Annotated[str, typer.Option(help="Recognizer.")] = "whisper-tiny.en",
) -> None:
    """Watch a recording go through the whole service: upload, progress, signed webhook, rows and objects."""
    require("sqlalchemy", "embedded")
    from embedded.demo import show
    from embedded.interruption import Interruption

    with Interruption():
        show(recording, data, output, model=model, say=typer.echo, observe=tell)
