"""A comparison from beginning to end: build, gather, race, score."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from benchmarks.contestants import Contestant
from benchmarks.material import Material
from benchmarks.peers.environments import Environment, PeerUnavailable, build
from benchmarks.protocol import Request, Response
from benchmarks.race import ContestantFailed, run
from benchmarks.report import Outcome
from benchmarks.rounds import interleaved
from benchmarks.scoring import score, typical
from pipeline.models import ModelStore


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """What all contestants share."""

    store: ModelStore
    cache: Path
    """For environments, and for what a contestant converts once."""
    material: Material
    model: str
    """The recognizer, by its name in the catalog."""
    threads: int
    rounds: int
    console: Console
    """Where progress is shown."""

    def hold(self, contestants: Sequence[Contestant]) -> tuple[tuple[Outcome, ...], tuple[str, ...]]:
        """Race everyone; returns what they did and, a line each, who was left out and why.

        A contestant that fails in any round is left out of all.
        """
        interpreters, absent = self._interpreters(contestants)
        there = [contestant for contestant in contestants if contestant.name in interpreters]
        responses: dict[str, list[Response]] = {contestant.name: [] for contestant in there}
        turns = interleaved(there, self.rounds)
        for contestant in track(turns, description="racing", console=self.console):
            if contestant.name in absent:
                continue
            try:
                response = run(contestant, interpreters[contestant.name], self.request(contestant))
            except ContestantFailed as error:
                absent[contestant.name] = str(error)
                self.console.print(str(error), style="red", markup=False)
            else:
                responses[contestant.name].append(response)
                self.console.print(f"{contestant.name}: {response.cpu_seconds:.1f} CPU s", highlight=False)
        outcomes = tuple(
            Outcome(
                contestant=contestant,
                responses=tuple(responses[contestant.name]),
                quality=typical(
                    [score(self.material.truths, response.answers) for response in responses[contestant.name]]
                ),
            )
            for contestant in there
            if contestant.name not in absent
        )
        return outcomes, tuple(f"left out: {name}: {first_line(why)}" for name, why in absent.items())

    def request(self, contestant: Contestant) -> Request:
        """What a contestant is asked in each round."""
        return Request(
            recordings=tuple(str(path) for path in self.material.paths),
            models={name: str(self.store.path(name)) for name in (self.model, *contestant.models)},
            threads=self.threads,
            options={**contestant.options, "asr": self.model},
            scratch=str(self.cache / "converted"),
            offline=self.store.offline,
        )

    def _interpreters(self, contestants: Sequence[Contestant]) -> tuple[dict[str, Path], dict[str, str]]:
        """The interpreter of everyone whose environment is there or can be built, and why it is not for the others."""
        found, absent, built = dict[str, Path](), dict[str, str](), dict[str | None, Path]({None: Path(sys.executable)})
        for contestant in contestants:
            try:
                if contestant.environment not in built:
                    built[contestant.environment] = self._build(contestant)
                found[contestant.name] = built[contestant.environment]
            except PeerUnavailable as error:
                absent[contestant.name] = str(error)
                self.console.print(str(error), style="red", markup=False)
        return found, absent

    def _build(self, contestant: Contestant) -> Path:
        environment = Environment(
            name=str(contestant.environment), runner=f"benchmarks.peers.{contestant.runner}", cache=self.cache / "peers"
        )
        with self.console.status(f"{environment.name}: looking for its environment") as status:

            def tell(line: str) -> None:
                status.update(f"{environment.name}: {line[: self.console.width - 20]}")

            return build(environment, tell, offline=self.store.offline)


def first_line(message: str) -> str:
    """The first line, and the last where there are several: what happened, and what it came from."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return lines[0] if len(lines) == 1 else f"{lines[0]} {lines[-1]}"


def versions(outcomes: Sequence[Outcome]) -> str:
    """What ran, environment by environment."""
    found: dict[str, dict[str, str]] = {}
    for outcome in outcomes:
        environment = outcome.contestant.environment or "hansard"
        found.setdefault(environment, {}).update(outcome.responses[0].versions)
    return "; ".join(f"[{environment}] {_listed(packages)}" for environment, packages in found.items())


def _listed(packages: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in packages.items())


def notes(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """What the contestants have to say, each thing once."""
    return tuple(dict.fromkeys(note for outcome in outcomes for note in outcome.responses[0].notes))
