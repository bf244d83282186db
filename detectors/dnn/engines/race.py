"""The fastest of the engines that are installed and right, measured once and remembered."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import cv2

from detectors.catalogue import cache_folder
from detectors.catalogue.store import new_file
from detectors.dnn.engines.base import Engine, Outputs, Remark, threads
from detectors.dnn.engines.trial import Place, Trial, agree
from vidstream.errors import MissingDependency, ModelError

#: whose answer counts where they differ and the card says nothing: OpenCV's importers have the known faults
_TRUST = ("onnxruntime", "openvino", "opencv")
_ROUNDS, _SECONDS = 9, 0.5


def fastest(trial: Trial, places: Sequence[Place]) -> tuple[Engine, tuple[Remark, ...]]:
    """The engine that ran this network fastest among those that agree; measured, or remembered.

    ModelError: none runs it. Remarks say which was taken and why others were not.
    """
    note = _note(trial, places)
    if (told := _recall(note)) and (
        place := next((p for p in places if p.kind.name == told["engine"]), None)
    ):
        with suppress(ModelError, MissingDependency):  # then what was noted holds no more: measure again
            engine, _ = trial.open(place)
            return engine, _told(told, "as measured before")
    opened, left_out = _opened(trial, places)
    right = _right(trial, opened)
    left_out |= dict.fromkeys(opened.keys() - right, "its numbers differ from the others'")
    times = _times({name: opened[name][0] for name in opened if name in right}, trial)
    best = min(times, key=lambda name: times[name])
    told = {"engine": best, "ms": times, "left_out": left_out}
    with suppress(OSError), new_file(note) as file:  # not to be written: it is measured again next time
        file.write(json.dumps(told).encode())
    return opened[best][0], _told(told, "measured now")


def _opened(
    trial: Trial, places: Sequence[Place]
) -> tuple[dict[str, tuple[Engine, Outputs]], dict[str, str]]:
    """What opens and runs, and why others do not, by name. ModelError where none does."""
    opened: dict[str, tuple[Engine, Outputs]] = {}
    failed: dict[str, ModelError | MissingDependency] = {}
    for place in places:
        if place.kind.name not in opened:  # else it runs on a better device already
            try:
                opened[place.kind.name] = trial.open(place)
            except (ModelError, MissingDependency) as error:
                failed[place.kind.name] = error
    if not opened:
        raise next(iter(failed.values()))
    return opened, {name: error.what for name, error in failed.items()}


def _right(trial: Trial, opened: Mapping[str, tuple[Engine, Outputs]]) -> set[str]:
    """The largest set of engines that give the same; where sets are equal, that of the most trusted one."""
    trusted = [name for name in (*trial.card.engines, *_TRUST) if name in opened]
    sets = [{n for n in opened if agree(opened[name][1], opened[n][1])} for name in trusted]
    if trial.card.engines:  # the first of them is known to be right
        return sets[0]
    return max(sets, key=len)


def _times(engines: Mapping[str, Engine], trial: Trial) -> dict[str, float]:
    """Milliseconds for one input, the best of a few turns that the engines take one after another."""
    best = dict.fromkeys(engines, float("inf"))
    end = time.perf_counter() + _SECONDS * len(engines)
    for turn in range(_ROUNDS):
        if turn and time.perf_counter() > end:
            break
        for name, engine in engines.items():
            start = time.perf_counter()
            engine.run(trial.blob)
            best[name] = min(best[name], round(1000 * (time.perf_counter() - start), 2))
    return best


def _told(told: Mapping[str, Any], when: str) -> tuple[Remark, ...]:
    order = sorted(told["ms"].items(), key=lambda item: item[1])
    times = ", ".join(f"{name} {ms:g} ms" for name, ms in order)
    taken = Remark("engine", f"engine auto took {told['engine']}: {times} ({when})")
    return (
        taken,
        *(Remark("engine-left-out", f"{name}: {why}") for name, why in sorted(told["left_out"].items())),
    )


def _note(trial: Trial, places: Sequence[Place]) -> Path:
    """The file that remembers this network, on these engines, devices and cores."""
    facts = (
        sorted((role, file.sha256) for role, file in trial.card.files.items()),
        (trial.card.engines, trial.card.outputs, repr(trial.card.input)),
        [(place.kind.name, place.device, _version(place.kind.name)) for place in places],
        (platform.machine(), platform.node(), os.cpu_count(), threads()),
    )
    return cache_folder().parent / "engines" / f"{sha256(repr(facts).encode()).hexdigest()[:32]}.json"


def _version(name: str) -> str:
    if name == "opencv":
        return str(cv2.__version__)
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:  # a build of one's own, or with another name
        return ""


def _recall(note: Path) -> dict[str, Any] | None:
    """What was noted; None where nothing is, or nothing that can be used."""
    try:
        told = json.loads(note.read_text("utf-8"))
        times, left_out = dict(told["ms"]), dict(told["left_out"])
        return {"engine": str(told["engine"]), "ms": times, "left_out": left_out}
    except (OSError, ValueError, KeyError, TypeError):
        return None
