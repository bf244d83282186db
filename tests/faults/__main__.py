"""``python -m tests.faults [--table docs/faults.md]``: run the fault suite, print its table, write it.

Cases run side by side, for most of them wait most of the time. What fails in that company is tried once more
by itself: on a small or busy machine a case may have had no processor when it counted. What fails again has
failed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.fault_table import page

HERE = Path(__file__).resolve().parent
#: pytest's exit code where tests failed
FAILED = 1


def main() -> int:
    """Run, print, write; gives pytest's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--table", type=Path, help="write the page here")
    parser.add_argument("--workers", default="4", help="so many cases at a time (4): most of them wait")
    options, rest = parser.parse_known_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        code, found = run(Path(folder) / "all.json", ["-n", options.workers, "--dist", "worksteal", *rest])
        if code == FAILED:
            print("what failed side by side is tried once more, one by one:", flush=True)
            alone = ["-n", "0", "--last-failed", "--last-failed-no-failures", "none", *rest]
            code, again = run(Path(folder) / "again.json", alone)
            found = joined(found, again)
    if options.table and found["figures"]:
        options.table.write_text(page(found, time.monotonic() - began), encoding="utf-8")
    return code


def run(target: Path, arguments: Sequence[str]) -> tuple[int, dict[str, Any]]:
    """Run the suite so; gives pytest's exit code, and what was measured."""
    command = [sys.executable, "-m", "pytest", str(HERE), *arguments]
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "FAULTS_JSON": str(target)}
    done = subprocess.run(command, cwd=HERE.parents[1], env=environment, check=False)
    empty: dict[str, Any] = {"outcomes": {}, "figures": []}
    return done.returncode, json.loads(target.read_text("utf-8")) if target.exists() else empty


def joined(first: dict[str, Any], again: dict[str, Any]) -> dict[str, Any]:
    """Both runs as one: what was tried again counts as it was then."""
    renewed = {(figure["case"], figure["on"]) for figure in again["figures"]}
    kept = [figure for figure in first["figures"] if (figure["case"], figure["on"]) not in renewed]
    return {
        "outcomes": {**first["outcomes"], **again["outcomes"]},
        "figures": [*kept, *again["figures"]],
        "again": len(again["outcomes"]),
    }


if __name__ == "__main__":
    sys.exit(main())
