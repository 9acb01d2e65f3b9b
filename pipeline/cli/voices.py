"""`hansard embed` and `hansard verify`: voices as vectors, and whether two are one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import options as cli
from pipeline.cli.batch import Report, Work
from pipeline.cli.recordings import STANDARD_INPUT, Recording
from pipeline.cli.running import OutputChoice, run
from pipeline.cli.session import Choice, session
from pipeline.errors import InvalidOption
from pipeline.hooks import Hook, NullHook


def embed(
    context: typer.Context,
    recordings: cli.Recordings,
    output: cli.OutputFolder = None,
    overwrite: cli.Overwrite = False,
    quiet: cli.Quiet = False,
    embedding: cli.Embedding = "campplus",
    device: cli.Device = "auto",
    threads: cli.Threads = None,
) -> None:
    """Turn the voice of each recording into a vector.

    The whole recording is taken as one voice. Prints one json document a recording; the vector has unit norm.
    """

    def load() -> Work:
        loader = session(context).loader
        encoder = loader.encoder(Choice(embedding=embedding, device=device, threads=threads, quiet=quiet))

        def work(recording: Recording, hook: Hook) -> Report:
            waveform = loader.audio(recording, hook)
            vector = [float(value) for value in encoder.embed(waveform)]
            document = {"uri": waveform.uri, "duration": round(waveform.duration, 3), "model": embedding}
            content = json.dumps(document | {"embedding": vector}, ensure_ascii=False) + "\n"
            return Report(artefacts={".embedding.json": content}, seconds=waveform.duration)

        return work

    target = OutputChoice(folder=output, suffixes=[".embedding.json"], overwrite=overwrite, quiet=quiet)
    run(context, recordings, target, load)


def verify(
    context: typer.Context,
    first: Annotated[
        Path, typer.Argument(metavar="A", help="A recording of one voice, or - for standard input.", show_default=False)
    ],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another, or - for standard input.", show_default=False)],
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            min=-1,
            max=1,
            metavar="X",
            help="Cosine similarity from which two voices count as one; higher is stricter. Default: the voice"
            " model's own (campplus 0.5, ecapa 0.38).",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print json.")] = False,
    embedding: cli.Embedding = "campplus",
    device: cli.Device = "auto",
    threads: cli.Threads = None,
) -> None:
    """Tell whether two recordings hold the same voice.

    Prints `same` or `different`, the cosine similarity, and the threshold it was held against. The exit code is 0
    either way.
    """
    if first == second == STANDARD_INPUT:
        message = "standard input holds one recording; name a file for the other"
        raise InvalidOption(message)
    from pipeline.embedding.verification import verify as compare

    loader = session(context).loader
    encoder = loader.encoder(Choice(embedding=embedding, device=device, threads=threads))
    a, b = (loader.audio(Recording(path, path.stem), NullHook()) for path in (first, second))
    verdict = compare(a, b, encoder, threshold=threshold)
    if as_json:
        typer.echo(json.dumps({"score": verdict.score, "threshold": verdict.threshold, "same": verdict.same}))
    else:
        typer.echo(
            f"{'same' if verdict.same else 'different'}  score {verdict.score:.3f}  threshold {verdict.threshold:.3f}"
        )
