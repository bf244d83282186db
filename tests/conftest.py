"""What every test may ask for: the real pictures, clips, ground truth and weights."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# the fault suite's table is printed wherever results are gathered: these two are hooks of pytest
from tests.support.fault_table import pytest_runtest_logreport, pytest_terminal_summary  # noqa: F401

# random cases find faults where people look at them; the gate for every change must not depend on luck
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI") == "true":
    settings.load_profile("ci")

ROOT = Path(__file__).resolve().parent.parent


def _assets_root() -> Path:
    return Path(os.environ.get("VIDSTREAM_ASSETS") or ROOT.parent / "shared" / "assets")


@pytest.fixture(scope="session")
def assets() -> Callable[[str], Path]:
    """``assets("video/vtest.avi")`` -> its path; a missing file skips, and with CI=true fails."""

    def find(name: str) -> Path:
        path = _assets_root() / name
        if not path.exists():
            reason = f"asset {name} not found; point VIDSTREAM_ASSETS at the assets folder"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
        return path

    return find
