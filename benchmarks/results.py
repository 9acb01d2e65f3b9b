"""The results file: one section for each command, replaced in place."""

from __future__ import annotations

from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
HEADER = """\
# Results

Each section is written by the command that it names, which builds the peers' environments, runs everyone in turn on the
same audio, the same weights and as many threads, and replaces the section. CPU and wall-clock time are medians over the
rounds, from loaded models to finished results, decoding included; ratios are taken round by round (median, lowest to
highest). Errors are medians as well. DER has no collar, DER25 one of 0.25 s; both score overlapped speech.
"""


def write_section(path: Path, name: str, body: str) -> None:
    """Replace the section of a command in the file, which is made where it is missing."""
    text = path.read_text(encoding="utf-8") if path.exists() else HEADER
    path.write_text(replaced(text, name, body), encoding="utf-8")


def replaced(text: str, name: str, body: str) -> str:
    """`text` with `body` as the section `name`: where it was, or else at the end."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    section = f"{begin}\n{body.strip()}\n{end}\n"
    if begin not in text:
        return f"{text.rstrip()}\n\n{section}"
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(f"{end}\n")
    if not found:
        message = f"the section {name} has no end: put a line {end!r} after it"
        raise ValueError(message)
    return before + section + after
