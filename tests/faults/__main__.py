"""``python -m tests.faults [--table docs/faults.md]``: run the fault suite, print its table, write it."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.fault_table import page

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Run, print, write; gives pytest's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--table", type=Path, help="write the page here")
    parser.add_argument("--workers", default="4", help="so many cases at a time (4): most of them wait")
    options, rest = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "figures.json"
        command = [
            sys.executable,
            "-m",
            "pytest",
            str(HERE),
            "-n",
            options.workers,
            "--dist",
            "worksteal",
            *rest,
        ]
        began = time.monotonic()
        done = subprocess.run(
            command,
            cwd=HERE.parents[1],
            env={"OMP_NUM_THREADS": "1", **os.environ, "FAULTS_JSON": str(found)},
            check=False,
        )
        if options.table and found.exists():
            text = page(json.loads(found.read_text("utf-8")), time.monotonic() - began)
            options.table.write_text(text, encoding="utf-8")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
