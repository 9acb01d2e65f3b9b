"""The front door: one command line. A command imports what it runs on only when it is called."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from pipeline.cli import COMMANDS, GROUPS, Session, describe, exit_code

app = typer.Typer(
    name="hansard",
    help="Turn recordings into who said what, when. Everything runs on this machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in COMMANDS:
    app.command()(command)
for name, group in GROUPS.items():
    app.add_typer(group, name=name)


@app.callback()
def settings(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from.")] = False,
) -> None:
    """Take the options that come before the command."""
    context.ensure_object(Session).debug = debug


def main(arguments: Sequence[str] | None = None, session: Session | None = None) -> None:
    """Run one command line and leave with its exit code: 0 done, 1 failed, 2 misused, 130 interrupted."""
    session = session or Session()
    try:
        app(args=None if arguments is None else list(arguments), prog_name="hansard", obj=session)
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
