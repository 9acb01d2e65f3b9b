"""The front door: one command line. A command imports what it runs on only when it is called."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from api.cli import COMMANDS as SERVICE_COMMANDS
from api.cli import GROUPS as SERVICE_GROUPS
from api.cli.serve import serve_api
from embedded.cli import demo, up
from pipeline.cli import COMMANDS, GROUPS, Session, describe, exit_code, name_and_version
from workers.cli import app as serve

app = typer.Typer(
    name="hansard",
    help="Turn recordings into who said what, when. Everything runs on this machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

commands: tuple[Callable[..., Any], ...] = (*COMMANDS, *SERVICE_COMMANDS, up, demo)
for command in commands:
    app.command()(command)
serve.command("api")(serve_api)
for name, group in {**GROUPS, **SERVICE_GROUPS, "serve": serve}.items():
    app.add_typer(group, name=name)


DEBUG = "--debug"


def show_version(asked: bool) -> None:  # noqa: FBT001 - called by typer
    """Print the version and leave."""
    if asked:
        typer.echo(name_and_version())
        raise typer.Exit


@app.callback()
def settings(
    debug: Annotated[
        bool, typer.Option(DEBUG, help="Show where an error comes from. May also stand after the command.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that belong to no command."""
    # For their names and help: `main` looks for the one, `show_version` acts on the other.


def main(arguments: Sequence[str] | None = None, session: Session | None = None) -> None:
    """Run one command line and leave with its exit code: 0 done, 1 failed, 2 misused, 130 interrupted."""
    session = session or Session()
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = words[: words.index("--")] if "--" in words else words
    if DEBUG in options:
        # Taken wherever it stands: whoever has just seen an error adds it at the end.
        session.debug = True
        words.remove(DEBUG)
    try:
        app(args=words, prog_name="hansard", obj=session)
    except BrokenPipeError:
        # The reader of standard output has left; the interpreter must not fail once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the last line of defence: one line for people, never a traceback
        if session.debug:
            traceback.print_exc()
        typer.echo(f"hansard: {describe(error)}", err=True)
        sys.exit(exit_code(error))


if __name__ == "__main__":
    main()
