"""Sequences, runs on them, and TrackEval's own way from files to numbers."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from trackers.catalogue import make
from trackers.evaluation import Sequence, read_sequence
from trackers.evaluation.follow import follow
from trackers.evaluation.sequences import Frames
from trackers.motfile import MotRows


@pytest.fixture(scope="session")
def benchmark_sequence(assets: Callable[[str], Path]) -> Callable[[str], Sequence]:
    """``benchmark_sequence("TUD-Campus")``."""
    return cache(lambda name: read_sequence(assets(f"mot/{name}")))


@pytest.fixture(scope="session")
def followed(benchmark_sequence: Callable[[str], Sequence]) -> Callable[..., MotRows]:
    """``followed("TUD-Campus", min_score=0.5)``: a real tracker's rows on that sequence."""

    @cache
    def run(name: str, min_score: float | None = None, frames: Frames | None = None) -> MotRows:
        sequence = benchmark_sequence(name)
        return follow(make("sort", frame_rate=sequence.fps), sequence, frames, min_score)

    return run


@pytest.fixture(scope="session")
def trackeval() -> Any:
    """The package."""
    with contextlib.redirect_stdout(io.StringIO()):
        return pytest.importorskip("trackeval")


@pytest.fixture(scope="session")
def run_trackeval(trackeval: Any) -> Callable[[Any], dict[str, Any]]:
    """Run TrackEval's Evaluator over a dataset of its own with one tracker: class -> metric -> numbers."""
    quiet = dict.fromkeys(("PLOT_CURVES", "OUTPUT_SUMMARY", "OUTPUT_DETAILED", "TIME_PROGRESS"), False)

    def run(dataset: str, settings: dict[str, Any]) -> dict[str, Any]:
        with contextlib.redirect_stdout(io.StringIO()):
            data = getattr(trackeval.datasets, dataset)({"PRINT_CONFIG": False, **settings})
            metrics = [getattr(trackeval.metrics, name)() for name in ("HOTA", "CLEAR", "Identity")]
            evaluator = trackeval.Evaluator({"LOG_ON_ERROR": None, "PRINT_CONFIG": False, **quiet})
            (results,) = evaluator.evaluate([data], metrics)[0][dataset].values()
        return results["COMBINED_SEQ"]

    return run
