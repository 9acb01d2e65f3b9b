"""Options that several commands share, with one meaning and one help text each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.options import ChannelPolicy, DeviceName, Task

MODELS, SPEAKERS, RECOGNITION, OUTPUT = "Models", "Speakers", "Recognition", "Output"

Recordings = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE", help="Recordings, folders of recordings, or - for standard input.", show_default=False
    ),
]
Results = Annotated[
    list[Path],
    typer.Argument(metavar="FILE", help="Results in json, or - for standard input.", show_default=False),
]
OutputFolder = Annotated[
    Path | None,
    typer.Option(
        "--output-dir",
        "-o",
        metavar="DIR",
        help="Write NAME.FORMAT files here; without it, or with -, results go to standard output.",
        rich_help_panel=OUTPUT,
    ),
]
Formats = Annotated[
    str | None,
    typer.Option("--format", "-f", metavar="LIST", help="Formats, separated by commas.", rich_help_panel=OUTPUT),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Also do what is done: results newer than their recording.", rich_help_panel=OUTPUT
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Report nothing but failures.", rich_help_panel=OUTPUT)]

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help="Recognizer: a name of `hansard models list`, or a folder with a CTranslate2 Whisper model."
        " Default: large-v3-turbo on a GPU, small on a CPU, tiny.en where neither can be had.",
        rich_help_panel=MODELS,
    ),
]
Embedding = Annotated[
    str, typer.Option("--embedding", metavar="NAME", help="Voice model: campplus or ecapa.", rich_help_panel=MODELS)
]
Device = Annotated[
    DeviceName,
    typer.Option("--device", help="Where models run; auto takes a GPU if there is one.", rich_help_panel=MODELS),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        metavar="N",
        help="CPU threads; default: as many as there are cores, up to eight.",
        rich_help_panel=MODELS,
    ),
]

NumSpeakers = Annotated[
    int | None,
    typer.Option("--num-speakers", min=1, metavar="N", help="Exact number of voices.", rich_help_panel=SPEAKERS),
]
MinSpeakers = Annotated[
    int | None, typer.Option("--min-speakers", min=1, metavar="N", help="At least so many.", rich_help_panel=SPEAKERS)
]
MaxSpeakers = Annotated[
    int | None, typer.Option("--max-speakers", min=1, metavar="N", help="At most so many.", rich_help_panel=SPEAKERS)
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict", help="Fail where the number cannot be honoured, instead of a note.", rich_help_panel=SPEAKERS
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        metavar="X",
        help="Distance of voice vectors, 0 to 2, up to which voices count as one; higher gives fewer speakers."
        " Default: the voice model's own (campplus 0.7, ecapa 0.85).",
        rich_help_panel=SPEAKERS,
    ),
]
Channels = Annotated[
    ChannelPolicy,
    typer.Option(
        "--channels",
        help="Several channels: mix them, keep them separate (one party each), or decide by listening.",
        rich_help_panel=SPEAKERS,
    ),
]

Language = Annotated[
    str | None,
    typer.Option(
        "--language",
        "-l",
        metavar="CODE",
        parser=str.lower,
        help="en, de, …; default: found by listening.",
        rich_help_panel=RECOGNITION,
    ),
]
TaskOption = Annotated[
    Task,
    typer.Option("--task", help="translate: write English whatever is spoken.", rich_help_panel=RECOGNITION),
]
Prompt = Annotated[
    str | None,
    typer.Option("--prompt", metavar="TEXT", help="Text that sets style and spelling.", rich_help_panel=RECOGNITION),
]
Hotwords = Annotated[
    str | None,
    typer.Option(
        "--hotwords", metavar="WORDS", help="Names and terms that are likely to be said.", rich_help_panel=RECOGNITION
    ),
]
BeamSize = Annotated[
    int | None,
    typer.Option(
        "--beam-size", min=1, metavar="N", help="Texts followed at a time; 1 is fastest.", rich_help_panel=RECOGNITION
    ),
]
