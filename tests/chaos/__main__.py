"""`python -m tests.chaos`: a run of any size, with its figures; status 1 where a promise was broken."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from embedded.stores import Stores
from tests.chaos.forking import nursery
from tests.chaos.plan import Part, Plan
from tests.chaos.running import run

NUMBERS: Final = (
    *("seed", "jobs", "kills", "stops", "flushes", "database_stops", "store_outages", "freezes", "crashes"),
    *("device_losses", "workers", "outstanding"),
)
SHARES: Final = ("store_faults", "lost_answers")


def main() -> int:
    """Run once."""
    default = Plan(seed=1)
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    for name in (*NUMBERS, *SHARES):
        flag, kind = f"--{name.replace('_', '-')}", float if name in SHARES else int
        parser.add_argument(flag, type=kind, default=getattr(default, name), help="default: %(default)s")
    parser.add_argument("--without", type=Part, choices=Part, help="what is taken away: the check has to fail")
    parser.add_argument("--no-failpoints", action="store_true", help="random faults alone")
    parser.add_argument("--folder", type=Path, help="where logs are kept; by default nowhere")
    told = vars(parser.parse_args())
    folder: Path | None = told.pop("folder")
    plan = Plan(failpoints=not told.pop("no_failpoints"), **told)
    with (
        tempfile.TemporaryDirectory() if folder is None else nullcontext(str(folder)) as kept,
        Stores.start(Path(kept) / "stores") as stores,
        nursery() as spawn,
    ):
        report = run(plan, stores, Path(kept) / "crew", spawn)
    print("\n".join(report.lines()), flush=True)
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
