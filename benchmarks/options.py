"""Options that several benchmarks have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[str, typer.Option(help="The recognizer, by its name in the catalog.")]
Results = Annotated[Path, typer.Option(help="Where the section is kept.")]
TestSpeech = Annotated[
    Path, typer.Option(envvar="HANSARD_TESTDATA", help="A folder of test speech; compose.py lies beside it.")
]
