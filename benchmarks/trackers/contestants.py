"""Who takes part: trackers that can be installed, and the settings they are run with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.trackers.data import CACHE, ROOT
from trackers.catalogue import TRACKERS

_WORKER = ROOT / "benchmarks" / "trackers" / "peers" / "serve.py"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A tracker: `variants` are its library's defaults and the settings published with its paper."""

    #: as tables call it
    name: str
    #: package and tracker, as peers/worker.py (or ours.py) knows them
    key: str
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"defaults": {}})
    #: may be told how the camera moved
    camera: bool = False
    #: wants appearance features in speed runs
    looks: bool = False

    @property
    def package(self) -> str:
        """What must be installed."""
        return self.key.partition(".")[0]


#: what the file knows of the camera's motion is kept from a tracker that it does no good
_STILL = {"camera": False}
_BYTE = {"track_thresh": 0.6, "match_thresh": 0.9, "track_buffer": 30, "frame_rate": "int fps"}
_PAPER_FLOW = {"det_thresh": 0.6, "iou_threshold": 0.3, "max_age": 30, "min_hits": 3, "delta_t": 3}
#: BoostTrack removes wide boxes, which suits people; cars are wide
_ANY_SHAPE = {"aspect_ratio_thresh": 1e3}
_BOOST = {"use_rich_s": False, "use_sb": False, "use_vt": False, **_ANY_SHAPE}
_HYBRID = {**_PAPER_FLOW, "asso_func": "hmiou", "use_byte": True, "low_thresh": 0.1, "inertia": 0.05}
_BOT = {
    "track_high_thresh": 0.6,
    "track_low_thresh": 0.1,
    "new_track_thresh": 0.7,
    "track_buffer": 30,
    "match_thresh": 0.8,
    "second_match_thresh": 0.5,
    "unconfirmed_match_thresh": 0.7,
    "frame_rate": "int fps",
}
_SF = {
    "dynamic_tuning": True,
    "high_th": 0.6,
    "high_th_m": 0.1,
    "match_th_first": 0.67,
    "match_th_first_m": 0.05,
    "match_th_second": 0.2,
    "low_th": 0.1,
    "new_track_th": 0.7,
    "new_track_th_m": 0.08,
    "marginal_timeout": 20,
    "central_timeout": 30,
    "horizontal_margin": 100,
    "vertical_margin": 60,
}
_RATE = {"frame_rate": "fps"}
#: for trackers that take every detection at its word
_SURE = {"min_score": 0.5}

PEERS: tuple[Contestant, ...] = (
    Contestant(
        "SORT (sort-track)",
        "sort.sort",
        {"defaults": {}, "longer": {"max_age": 30}, "sure ones": {"max_age": 30, **_SURE}},
    ),
    Contestant(
        "ByteTrack (bytetracker)",
        "bytetracker.bytetrack",
        {"defaults": {}, "published": {"track_thresh": 0.6, "match_thresh": 0.9, "frame_rate": "int fps"}},
    ),
    Contestant(
        "OC-SORT (ocsort)",
        "ocsort.ocsort",
        {"defaults": {}, "published": {**_PAPER_FLOW, "inertia": 0.2}},
    ),
    Contestant("ByteTrack (boxmot)", "boxmot.bytetrack", {"defaults": {}, "published": _BYTE}),
    Contestant(
        "OC-SORT (boxmot)",
        "boxmot.ocsort",
        {
            "defaults": {},
            "published": {**_PAPER_FLOW, "inertia": 0.2},
            "with low scores": {"use_byte": True},
        },
    ),
    Contestant("BoT-SORT (boxmot)", "boxmot.botsort", {"defaults": {}, "published": _BOT}, camera=True),
    Contestant(
        "Deep OC-SORT (boxmot)",
        "boxmot.deepocsort",
        {
            "defaults": {},
            "published": {**_PAPER_FLOW, "inertia": 0.2},
            "defaults, no camera": _STILL,
            "published, no camera": {**_PAPER_FLOW, "inertia": 0.2, **_STILL},
        },
        camera=True,
    ),
    Contestant(
        "Hybrid-SORT (boxmot)",
        "boxmot.hybridsort",
        {"defaults, no camera": _STILL, "published": _HYBRID, "published, no camera": {**_HYBRID, **_STILL}},
        camera=True,
    ),
    Contestant(
        "BoostTrack (boxmot)",
        "boxmot.boosttrack",
        {"defaults": _ANY_SHAPE, "published": _BOOST, "defaults, no camera": {**_ANY_SHAPE, **_STILL}},
        camera=True,
    ),
    Contestant("OccluBoost (boxmot)", "boxmot.occluboost", {"defaults": _ANY_SHAPE}, camera=True),
    Contestant("SFSORT (boxmot)", "boxmot.sfsort", {"defaults": {}, "published": _SF}),
    Contestant("StrongSORT (boxmot)", "boxmot.strongsort", camera=True, looks=True),
    Contestant("SORT (trackers)",
        "trackers.SORTTracker",
        {"defaults": {}, "frame rate": _RATE, "sure ones": {**_RATE, **_SURE}},
    ),
    Contestant("ByteTrack (trackers)", "trackers.ByteTrackTracker", {"defaults": {}, "frame rate": _RATE}),
    Contestant("OC-SORT (trackers)", "trackers.OCSORTTracker", {"defaults": {}, "frame rate": _RATE}),
    Contestant(
        "BoT-SORT (trackers)", "trackers.BoTSORTTracker", {"defaults": {}, "frame rate": _RATE}, camera=True
    ),
    Contestant("C-BIoU (trackers)", "trackers.CBIoUTracker", {"defaults": {}, "frame rate": _RATE}),
    Contestant(
        "ByteTrack (supervision)",
        "supervision.ByteTrack",
        {"defaults": {}, "frame rate": {"frame_rate": "int fps"}},
    ),
    Contestant(
        "norfair",
        "norfair.iou",
        {
            "defaults": {"distance_threshold": 0.7},
            "sure ones": {"distance_threshold": 0.7, **_SURE},
            "its MOT demo": {"distance_threshold": 0.5, "initialization_delay": 3, **_SURE},
        },
    ),
    Contestant(
        "motpy",
        "motpy.iou",
        {
            "defaults": {"model_spec": "constant_velocity_and_static_box_size_2d", "min_steps_alive": 2},
            "sure ones": {
                "model_spec": "constant_velocity_and_static_box_size_2d",
                "min_steps_alive": 2,
                **_SURE,
            },
            "its MOT16 demo": {
                "model_spec": {
                    "order_pos": 1, "dim_pos": 2, "order_size": 0, "dim_size": 2,
                    "q_var_pos": 5000.0, "r_var_pos": 0.1,
                },
                "min_steps_alive": 3,
                "matching_fn_kwargs": {"min_iou": 0.25},
                **_SURE,
            },
        },
    ),
    Contestant(
        "DeepSORT (deep-sort-realtime)",
        "deep_sort_realtime.apart",
        {"defaults": {}, "sure ones": {"nn_budget": 100, **_SURE}},
        looks=True,
    ),
)  # fmt: skip

#: ours as they come
OURS: tuple[Contestant, ...] = tuple(
    Contestant(f"**{name}**", f"ours.{name}", camera=True, looks=name == "deepsort") for name in TRACKERS
)
#: and with a second pass over the recording
REFINED: tuple[Contestant, ...] = tuple(
    Contestant(f"**{name}, refined**", f"ours.{name}+refine", camera=True) for name in TRACKERS
)

#: the algorithms as their papers and first releases have them; ours do the same work many times as fast
REFERENCES: tuple[Contestant, ...] = tuple(
    Contestant(
        f"{word} reference",
        f"references.{name}",
        {"as ours": {"min_score": TRACKERS[name].params().min_score}},
        looks=name == "deepsort",
    )
    for name, word in (
        ("sort", "SORT"),
        ("bytetrack", "ByteTrack"),
        ("botsort", "BoT-SORT"),
        ("ocsort", "OC-SORT"),
        ("deepsort", "DeepSORT"),
    )
)

#: how each package is installed
INSTALL = {
    "boxmot": "boxmot==25.0.0",
    "trackers": "trackers==2.6.1",
    "supervision": "supervision==0.27.0.post2",
    "norfair": "norfair==2.3.0",
    "motpy": "motpy==0.0.10",
    "deep_sort_realtime": "deep-sort-realtime==1.3.2",
    "sort": "sort-track==0.0.8",
    "bytetracker": "bytetracker==0.3.2",
    "ocsort": "ocsort==0.0.2",
}


@cache
def interpreter(package: str) -> str | None:
    """The first Python with this very release: of $VIDSTREAM_PEERS (as in $PATH), of `install`, this one."""
    if package in ("ours", "references"):
        return sys.executable
    name, _, release = INSTALL[package].partition("==")
    probe = (
        f"from importlib.metadata import version; import {package}; assert version({name!r}) == {release!r}"
    )
    named = [path for path in os.environ.get("VIDSTREAM_PEERS", "").split(os.pathsep) if path]
    made = sorted(str(path) for path in (CACHE / "peers").glob("*/bin/python"))
    for path in [*named, *made, sys.executable]:
        done = subprocess.run([path, "-c", probe], cwd="/", capture_output=True, check=False)
        if done.returncode == 0:
            return path
    return None


class TrackerError(RuntimeError):
    """A tracker raised, or its process ended."""


class Worker:
    """A process that runs trackers of one package, kept warm between jobs."""

    def __init__(self, package: str) -> None:
        python = interpreter(package)
        assert python is not None, package
        own = package in ("ours", "references")
        command = [python, "-m", "benchmarks.trackers.ours"] if own else [python, str(_WORKER)]
        single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self._process = subprocess.Popen(
            command,
            cwd=ROOT if own else _WORKER.parent,
            env={**os.environ, **single},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, contestant: Contestant, variant: str, given: Path, **job: Any) -> Mapping[str, Any]:
        """One job; its reply. Raises TrackerError with what the tracker said where it failed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        settings = dict(contestant.variants[variant])
        camera = settings.pop("camera", contestant.camera)
        wanted = {
            "tracker": contestant.key.partition("+")[0],
            "settings": settings,
            "input": str(given),
            "output": None,
            "warm": 0,
            "camera": camera,
            **job,
        }
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        reply: Mapping[str, Any] = json.loads(line) if line else {"error": "the worker ended"}
        if "error" in reply:
            raise TrackerError(f"{contestant.name} ({variant}): {reply['error']}")
        return reply

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)


@contextmanager
def workers(contestants: tuple[Contestant, ...]) -> Iterator[Mapping[str, Worker]]:
    """A worker for each package that is installed."""
    started = {p: Worker(p) for p in dict.fromkeys(c.package for c in contestants) if interpreter(p)}
    try:
        yield started
    finally:
        for worker in started.values():
            worker.__exit__(None, None, None)
