"""Measures and writes docs/trackers.md: see `benchmarks.trackers`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import venv
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.trackers import accuracy, plot, speed
from benchmarks.trackers.contestants import (
    INSTALL,
    OURS,
    PEERS,
    REFERENCES,
    REFINED,
    interpreter,
)
from benchmarks.trackers.data import CACHE, ROOT, assets
from trackers.catalogue import TRACKERS

_PAGE = ROOT / "docs" / "trackers.md"
_PLOT = ROOT / "docs" / "images" / "tracker_cost.png"
_SPEEDS = CACHE / "speeds.json"
#: what can live in one environment; the second list is installed without what it says it requires
_TOGETHER: dict[str, tuple[list[str], list[str]]] = {
    "boxmot": (["boxmot", "cython_bbox==0.1.5"], ["bytetracker"]),
    "trackers": (["trackers"], []),
    "others": (["supervision", "norfair", "motpy", "deep_sort_realtime", "numpy<2"], ["sort", "ocsort"]),
}


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trackers", description=__doc__)
    what = ["accuracy", "speed", "plot", "all", "install"]
    parser.add_argument("what", nargs="?", default="all", choices=what)
    parser.add_argument("names", nargs="*", help="install: boxmot (large), trackers, others; default: all")
    options = parser.parse_args()
    if options.what == "install":
        _install(options.names or list(_TOGETHER))
        return
    _say_who_is_missing()
    if options.what in ("accuracy", "all"):
        _write("accuracy", _accuracy())
        _write("demo", _demo())
    if options.what in ("speed", "all"):
        results = speed.measure((*OURS, *REFERENCES, *PEERS))
        _keep(results)
        _write("speed", speed.table(results))
        _write("memory", _memory())
    if options.what in ("plot", "speed", "all"):
        plot.draw(_kept(), _PLOT)


def _accuracy() -> list[str]:
    missing = [c for c in PEERS if interpreter(c.package) is None]
    lines = accuracy.table(accuracy.best(accuracy.measure((*OURS, *REFINED, *PEERS))))
    if missing:
        lines += ["", "Not installed here: " + ", ".join(c.name for c in missing) + "."]
    return lines


def _demo() -> list[str]:
    """The people demo's own tracks on the clip it comes with, which is PETS09-S2L1."""
    clip, scores = assets() / "video" / "vtest.avi", CACHE / "demo.json"
    command = [sys.executable, "run.py", "eval", "track", str(assets() / "mot" / "PETS09-S2L1")]
    command += ["--config", "configs/people.yaml", "--video", f"PETS09-S2L1={clip}", "--json", str(scores)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = json.loads(scores.read_text())["combined"]
    shares = [f"{name} {100 * found[name]:.1f}" for name in ("HOTA", "DetA", "AssA", "MOTA", "IDF1")]
    return [f"The people of `make demo`: {', '.join(shares)}, {found['IDs']} switches."]


def _memory(frames: int = 100_000) -> list[str]:
    def grown(name: str) -> float:
        command = [sys.executable, "-m", "benchmarks.trackers.memory", name, str(frames)]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        return float(done.stdout)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        cells = [f"{name} {mib:.1f}" for name, mib in zip(TRACKERS, pool.map(grown, TRACKERS), strict=True)]
    what = f"MiB more after {frames:,} frames of births and deaths than after a tenth of them"
    return [f"{what}: {', '.join(cells)}."]


def _keep(results: list[speed.Speed]) -> None:
    table = {r.contestant.key: {str(n): s for n, s in r.seconds.items()} for r in results}
    _SPEEDS.write_text(json.dumps(table), encoding="utf-8")


def _kept() -> list[speed.Speed]:
    """What the last run of `speed` found."""
    table = json.loads(_SPEEDS.read_text(encoding="utf-8"))
    known = {c.key: c for c in (*OURS, *REFERENCES, *PEERS)}
    return [
        speed.Speed(known[key], {int(n): seconds for n, seconds in found.items()})
        for key, found in table.items()
        if key in known
    ]


def _write(mark: str, lines: Sequence[str]) -> None:
    """Between the marks of the page, and to the terminal."""
    text = "\n".join(lines)
    print(text, end="\n\n", flush=True)
    page = _PAGE.read_text(encoding="utf-8")
    between = re.compile(rf"(<!-- {mark} -->\n).*(\n<!-- /{mark} -->)", re.DOTALL)
    page = between.sub(lambda found: found[1] + text + found[2], page)
    place = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    _PAGE.write_text(re.sub(r"(?<=Measured on ).*(?=\.\n)", place, page), encoding="utf-8")


def _say_who_is_missing() -> None:
    for package in dict.fromkeys(c.package for c in PEERS if interpreter(c.package) is None):
        name = next(name for name, lists in _TOGETHER.items() if package in lists[0] + lists[1])
        print(
            f"{INSTALL[package]} is not here: python -m benchmarks.trackers install {name}", file=sys.stderr
        )


def _install(names: Sequence[str]) -> None:
    for name in names:
        folder = CACHE / "peers" / name
        venv.create(folder, with_pip=True)
        needed, bare = ([INSTALL.get(p, p) for p in packages] for packages in _TOGETHER[name])
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install"]
        subprocess.run([*pip, *needed], check=True)
        if bare:
            subprocess.run([*pip, "--no-deps", *bare], check=True)


if __name__ == "__main__":
    main()
