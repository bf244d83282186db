"""What this process takes from the machine."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

_STARTED = time.time()


def resident() -> int | None:
    """Bytes of memory in use; None where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def open_files() -> int | None:
    """How many file descriptors are open; None where the system does not say."""
    try:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a Path per descriptor is not needed
    except OSError:
        return None


def to_json() -> dict[str, Any]:
    """As plain values."""
    return {
        "pid": os.getpid(),
        "started": _STARTED,
        "cpu_s": round(time.process_time(), 3),
        "memory_bytes": resident(),
        "open_files": open_files(),
        "threads": threading.active_count(),
    }
