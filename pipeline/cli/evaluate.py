"""`hansard evaluate`: error rates of results against references."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    reference: Annotated[Path, typer.Argument(metavar="REF", help="File or folder that tells the truth.")],
    hypothesis: Annotated[Path, typer.Argument(metavar="HYP", help="File or folder with results.")],
    collar: Annotated[
        float,
        typer.Option("--collar", min=0, metavar="S", help="Seconds left out around reference boundaries, for DER."),
    ] = 0.0,
    skip_overlap: Annotated[
        bool, typer.Option("--skip-overlap", help="Leave overlapped reference speech out, for DER.")
    ] = False,
    language: Annotated[
        str,
        typer.Option(
            "--language", "-l", metavar="CODE", parser=str.lower, help="Language of the text, for its normalization."
        ),
    ] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="Print json: shares of 1 and seconds.")] = False,
) -> None:
    """Score results against references: DER, JER, WER, cpWER, word-diarization error, word times.

    Reads rttm, stm, ctm and json, with a uem beside the reference if there is one. Folders are paired by file name.
    Rates are in percent, word times in milliseconds; a dash where a side lacks what is needed.
    """
    from pipeline.evaluation import evaluate_paths

    report = evaluate_paths(reference, hypothesis, collar=collar, skip_overlap=skip_overlap, language=language)
    typer.echo(report.json() if as_json else report.table(), nl=False)
