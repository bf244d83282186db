"""Cameras at the same time: CPU per camera, beside a bare PyAV loop that decodes the same streams.

``python -m benchmarks.cameras`` writes docs/cameras.md (about 6 minutes). Contestants take turns, each in a
process of its own, so that a slow moment of the machine hits all alike.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.cameras_server import FPS, HEIGHT, WIDTH
from vidstream.types import View

_ROOT = Path(__file__).resolve().parents[1]
_PAGE = _ROOT / "docs" / "cameras.md"
_COUNTS = (1, 4, 8, 16)
_ROUNDS, _SECONDS = int(os.environ.get("ROUNDS", "3")), float(os.environ.get("SECONDS", "5"))
#: cameras are opened and looked at in this time, which does not count: so long, and so much longer for each
_WARM_UP, _PER_CAMERA = 2.0, 0.15


class Figures(NamedTuple):
    """What a run gave, over the time that counts."""

    #: share of one core, per camera
    cpu: float
    #: pictures per second and camera
    fps: float
    #: bytes of memory of its own, all cameras together
    memory: float


def main() -> None:
    """Measure in turn, print, write."""
    found: dict[tuple[str, int], list[Figures]] = {}
    with _server() as port:
        for number in range(_ROUNDS):
            for count in _COUNTS:
                for name in CONTESTANTS:
                    found.setdefault((name, count), []).append(_run(name, port, count))
            print(f"round {number + 1} of {_ROUNDS} done", file=sys.stderr)
    text = _page(found)
    print(text)
    _PAGE.write_text(text, encoding="utf-8")


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.cameras_server"]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def _run(name: str, port: str, count: int) -> Figures:
    command = [sys.executable, "-m", "benchmarks.cameras", name, port, str(count)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
    done = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} with {count} cameras failed:\n{done.stderr}")
    return Figures(*json.loads(done.stdout.strip().splitlines()[-1]))


# -- the contestants: each is given addresses and a function to call with every picture ----------------------


def bare(urls: Sequence[str], seen: Callable[[], None]) -> Callable[[], None]:
    """A thread per camera: PyAV decodes, and makes the picture one that OpenCV takes."""
    import av

    over = threading.Event()

    def read(url: str) -> None:
        with av.open(url, timeout=(10, 5)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            for frame in container.decode(stream):
                frame.to_ndarray(format="bgr24")
                seen()
                if over.is_set():
                    return

    threads = [threading.Thread(target=read, args=(url,), daemon=True) for url in urls]
    for thread in threads:
        thread.start()
    return over.set


def nothing(urls: Sequence[str], seen: Callable[[], None]) -> Callable[[], None]:
    """Our graph, with a stage that does nothing."""
    from vidstream import stage

    @stage("benchmark.nothing")
    def look(image: View) -> None:
        """Nothing."""

    return _graph(urls, seen, {"look": look})


def motion(urls: Sequence[str], seen: Callable[[], None]) -> Callable[[], None]:
    """Our graph, with the motion detector."""
    return _graph(urls, seen, {"move": "detect.motion"})


def _graph(urls: Sequence[str], seen: Callable[[], None], graph: dict[str, Any]) -> Callable[[], None]:
    from vidstream import Pipeline
    from vidstream.environment import tune_allocator

    tune_allocator()
    pipeline = Pipeline.build(sources={f"cam{n}": url for n, url in enumerate(urls)}, graph=graph)
    pipeline.engine.watch(lambda packet: seen())
    thread = threading.Thread(target=pipeline.run)
    thread.start()

    def stop() -> None:
        pipeline.stop()
        thread.join()

    return stop


CONTESTANTS = {"bare": bare, "nothing": nothing, "motion": motion}


def contest(name: str, port: str, count: int) -> None:
    """In a process of its own: run one contestant, and print its figures."""
    pictures = 0
    lock = threading.Lock()

    def seen() -> None:
        nonlocal pictures
        with lock:
            pictures += 1

    stop = CONTESTANTS[name]([f"tcp://127.0.0.1:{port}"] * count, seen)
    time.sleep(_WARM_UP + _PER_CAMERA * count)
    cpu, began, before = time.process_time(), time.monotonic(), pictures
    time.sleep(_SECONDS)
    cpu, took, given = time.process_time() - cpu, time.monotonic() - began, pictures - before
    memory = _memory()
    stop()
    print(json.dumps(Figures(cpu / took / count, given / took / count, memory)), flush=True)
    os._exit(0)  # a bare loop may be waiting for its next picture


def _memory() -> float:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return 1024.0 * sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


# -- the page ------------------------------------------------------------------------------------------------


def _page(found: dict[tuple[str, int], list[Figures]]) -> str:
    lines = [
        "# Many cameras",
        "",
        f"`python -m benchmarks.cameras` on {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}: 1 to {_COUNTS[-1]} cameras at the same time, {WIDTH} x {HEIGHT} at "
        f"{FPS} pictures a second, H.264 in MPEG-TS over TCP, sent by a process of their own. {_SECONDS:g} s "
        f"a run, {_ROUNDS} rounds in turn, medians; ratios are medians of the ratios per round.",
        "",
        "The bare loop has a thread per camera, which decodes with PyAV and makes a BGR array of each",
        "picture: no reconnects, no states, no ledger, nothing. CPU is that of one core, per camera.",
        "",
        "| cameras | bare loop | source alone | against bare | source and motion | against bare "
        "| pictures lost | memory per camera, bare | with motion |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(found, count) for count in _COUNTS]
    return "\n".join([*lines, ""])


def _row(found: dict[tuple[str, int], list[Figures]], count: int) -> str:
    runs = {name: found[name, count] for name in CONTESTANTS}
    cpu = {name: statistics.median(f.cpu for f in figures) for name, figures in runs.items()}
    ratio = {
        name: statistics.median(
            ours.cpu / theirs.cpu for ours, theirs in zip(runs[name], runs["bare"], strict=True)
        )
        for name in ("nothing", "motion")
    }
    lost = max(0.0, 1 - min(f.fps for f in runs["motion"]) / FPS)
    memory = {
        name: statistics.median(f.memory for f in figures) / count / 1e6 for name, figures in runs.items()
    }
    cells = [
        f"{count}",
        f"{cpu['bare']:.2%}",
        f"{cpu['nothing']:.2%}",
        f"{ratio['nothing']:.2f}x",
        f"{cpu['motion']:.2%}",
        f"{ratio['motion']:.2f}x",
        f"{lost:.1%}",
        f"{memory['bare']:.0f} MB",
        f"{memory['motion']:.0f} MB",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    if len(sys.argv) == 4:
        contest(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    else:
        main()
