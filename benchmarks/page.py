"""What people who look at the page cost: processor time of a run with 0, 1 and 8 of them, and their delay.

``python -m benchmarks.page`` prints a table. The viewers are a process of their own, so that only the run's
own time is counted.
"""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from vidstream import builtin
from vidstream.config import build
from vidstream.graph.engine import Engine
from vidstream.types import Packet
from vidstream.web.address import Address
from vidstream.web.page import Page

#: seconds of each measurement, and before the first
SECONDS, WARM = 10.0, 4.0
VIEWERS = (0, 1, 8)
SOURCE = {"uri": "synthetic:people", "size": [1280, 720], "fps": 25, "duration": "1h"}
GRAPH = {"find": {"use": "detect.motion", "max_fps": 10}, "track": "track.sort"}


def main() -> None:
    """Measure and print."""
    content = {"sources": {"gate": SOURCE}, "graph": GRAPH, "run": {"mode": "live"}}
    engine = Engine(build(content, builtin.registry()).description)
    arrivals: dict[int, float] = {}

    def arrived(packet: Packet) -> None:
        arrivals[packet.seq] = packet.frame.mono

    engine.watch(arrived)
    with Page(engine, Address("127.0.0.1", 0)) as page:
        thread = threading.Thread(target=engine.run)
        thread.start()
        time.sleep(WARM)
        print(
            "| viewers | CPU, % of a core | pictures made/s | sent/s | delay p50, ms | p95, ms | frames/s |"
        )
        print("|---|---|---|---|---|---|---|")
        for viewers in VIEWERS:
            print(_row(viewers, page, engine, arrivals), flush=True)
        engine.stop()
        thread.join()


def _row(viewers: int, page: Page, engine: Engine, arrivals: dict[int, float]) -> str:
    command = [sys.executable, "-m", "benchmarks.page", str(page.server.address.port), str(viewers)]
    watching = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    time.sleep(1.5)  # until all of them look
    studio, ledger = page.watcher.studio, engine.lanes[0].passages[-1].ledger
    cpu, made, done, began = time.process_time(), studio.encoded, ledger.done, time.monotonic()
    time.sleep(SECONDS)
    elapsed = time.monotonic() - began
    cpu, made, done = time.process_time() - cpu, studio.encoded - made, ledger.done - done
    seen: list[tuple[int, float]] = json.loads(watching.communicate()[0])
    delays = [1e3 * (at - arrivals[frame]) for frame, at in seen if frame in arrivals]
    p50 = f"{statistics.median(delays):.0f}" if delays else "-"
    p95 = f"{statistics.quantiles(delays, n=20)[-1]:.0f}" if delays else "-"
    return (
        f"| {viewers} | {100 * cpu / elapsed:.1f} | {made / elapsed:.1f} | {len(seen) / (elapsed + 2):.1f} "
        f"| {p50} | {p95} | {done / elapsed:.1f} |"
    )


def watch(port: int, viewers: int) -> None:
    """Be so many viewers; print which frame came when."""
    seen: list[tuple[int, float]] = []
    until = time.monotonic() + SECONDS + 2.0

    def look() -> None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        line.request("GET", "/api/v1/pictures?width=640")
        answer = line.getresponse()
        length = frame = 0
        while time.monotonic() < until:
            name, _, value = answer.readline().strip().partition(b": ")
            if name == b"Content-Length":
                length = int(value)
            elif name == b"X-Frame":
                frame = int(value)
            elif not name and length:
                answer.read(length)
                seen.append((frame, time.monotonic()))
                length = 0

    threads = [threading.Thread(target=look) for _ in range(viewers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(seen))


def run(arguments: Sequence[str]) -> None:
    """The measurement, or with a port and a number those who look."""
    if arguments:
        watch(int(arguments[0]), int(arguments[1]))
    else:
        main()


if __name__ == "__main__":
    run(sys.argv[1:])
