"""Runs all contestants in turn, several rounds, and writes the table."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.contestants import CONTESTANTS, available

_ROOT = Path(__file__).resolve().parents[1]
_PAGE, _README = _ROOT / "docs" / "benchmarks.md", _ROOT / "README.md"
_ROUNDS = int(os.environ.get("ROUNDS", "5"))

#: what stands against what, and what the row says
_ROWS = (
    ("ours-fused", "bare", "decode, look, draw, encode: on one thread, against a bare OpenCV loop"),
    ("ours", "bare", "the same, threads as they come"),
    ("ours-hog-fused", "bare-hog", "with the people detector on every 3rd frame: on one thread"),
    ("ours-hog", "bare-hog", "the same, threads as they come"),
    ("ours-hog", "supervision-hog", "the same, against a loop with supervision's reader and annotator"),
)


def main() -> None:
    """Measure, print, write: the page, and the same tables in README."""
    from vidstream.demo_clip import demo_clip

    clip = demo_clip(print)
    results = _measure(clip)
    micro = json.loads(_python("benchmarks.micro"))
    text = _page(results, micro, _check_times())
    print(text)
    _PAGE.write_text(text, encoding="utf-8")
    readme = _README.read_text(encoding="utf-8")
    tables = text[text.index("| job") :].strip()
    marked = re.compile(r"(<!-- benchmarks -->\n).*(\n<!-- /benchmarks -->)", re.DOTALL)
    _README.write_text(marked.sub(rf"\g<1>{tables}\g<2>", readme), encoding="utf-8")


def _measure(clip: Path) -> Mapping[str, list[dict[str, float]]]:
    """Every contestant once per round, in turn, so that a slow moment of the machine hits all alike."""
    names = [name for name in CONTESTANTS if available(name)]
    results: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(_ROUNDS + 1):
            for name in names:
                figures = json.loads(
                    _python("benchmarks.contestants", name, str(clip), f"{folder}/{name}.mp4")
                )
                if number:  # the first round warms the caches up
                    results[name].append(figures)
            print(f"round {number} of {_ROUNDS} done", file=sys.stderr)
    frames = {figures["frames"] for rounds in results.values() for figures in rounds}
    assert len(frames) == 1, f"contestants disagree about the number of frames: {frames}"
    return results


def _python(module: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{module} {' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout.strip().splitlines()[-1]


def _check_times() -> Sequence[float]:
    """Wall seconds of `check` for every shipped configuration, Python's start included."""
    # as on a user's machine, compiled modules are kept: the first round makes them
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    times: list[float] = []
    for _ in range(2):
        times = []
        for config in sorted((_ROOT / "configs").glob("*.yaml")):
            start = time.perf_counter()
            command = [sys.executable, "run.py", "check", str(config)]
            subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, check=False)
            times.append(time.perf_counter() - start)
    return times


def _ratio(results: Mapping[str, list[dict[str, float]]], ours: str, other: str, figure: str) -> float:
    """Median of the ratios, round by round."""
    pairs = zip(results[ours], results[other], strict=True)
    return statistics.median(a[figure] / b[figure] for a, b in pairs)


def _page(
    results: Mapping[str, list[dict[str, float]]], micro: Mapping[str, float], checks: Sequence[float]
) -> str:
    frames = int(next(iter(results.values()))[0]["frames"])
    lines = [
        "# Benchmarks",
        "",
        f"`make bench` on {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}: "
        f"{frames} frames of vtest.avi (768x576), {_ROUNDS} rounds in turn, median of the ratios per round. "
        "Below 1 is better for CPU, above 1 for speed.",
        "",
        "| job | CPU time | speed (wall) |",
        "|---|---|---|",
    ]
    for ours, other, what in _ROWS:
        if ours in results and other in results:
            cpu = _ratio(results, ours, other, "cpu")
            speed = 1 / _ratio(results, ours, other, "wall")
            lines.append(f"| {what} | {cpu:.2f}x | {speed:.2f}x |")
    lines += [
        "",
        "| engine | |",
        "|---|---|",
        f"| a fused stage, per frame | {micro['stage_us']:.1f} us |",
        f"| a hop to another thread, per frame | {micro['hop_us']:.0f} us |",
        f"| memory growth over the last 9,000 of 10,000 frames | {micro['growth_mib']:.1f} MiB |",
        f"| `check` of a shipped configuration, Python's start included | at most {max(checks):.2f} s |",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
