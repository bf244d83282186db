"""Which engine runs a network, and what the user should know about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from detectors.catalogue import Card
from detectors.dnn.engines import onnxruntime, opencv, openvino, race
from detectors.dnn.engines.base import Device, Engine, EngineName, Kind, Remark, library
from detectors.dnn.engines.sized import sized
from detectors.dnn.engines.trial import Place, Trial
from detectors.dnn.ultralytics.process import python
from vidstream.errors import MissingDependency, ModelError

#: every engine that is given a blob and gives outputs, in the order in which they are tried
KINDS: Mapping[str, Kind] = {k.name: k for k in (opencv.KIND, onnxruntime.KIND, openvino.KIND)}


def open_engine(
    card: Card, data: Mapping[str, bytes], *, engine: EngineName = "default", device: Device = "auto"
) -> tuple[Engine, tuple[Remark, ...]]:
    """The network of `card` in an engine, and remarks on what was taken.

    It has run once before it is handed out. ModelError: none runs it, or not on this device;
    MissingDependency: the engine that was asked for is not installed.
    """
    places = _places(card, engine, device)
    trial = Trial.of(card, sized(card, data))
    if engine == "auto":
        opened, remarks = race.fastest(trial, places)
    else:
        opened, remarks = _first(trial, places)
        remarks = (*remarks, *_doubts(card, opened, named=engine != "default"))
    return opened, (*_taken(device, opened), *remarks)


def check_engine(engine: EngineName, device: Device) -> None:
    """Raise ModelError or MissingDependency where no network could be run this way here."""
    if engine == "ultralytics":
        python()
    elif engine in KINDS:
        _on(KINDS[engine], device)
    elif device not in ("auto", "cpu") and not _offering(list(KINDS.values()), device):
        opencv.choose_device(device)


def _places(card: Card, engine: EngineName, device: Device) -> list[Place]:
    """Where the network may run, the best first."""
    where = f"model '{card.name}'"
    if engine in KINDS:
        return [Place(KINDS[engine], _on(KINDS[engine], device))]
    if engine not in ("default", "auto"):
        raise ModelError(f"engine '{engine}' does not run this file", where=where, fix="use engine: default")
    end = PurePath(card.main.file).suffix.lower()
    known = [KINDS[name] for name in card.engines if name in KINDS] or list(KINDS.values())
    fitting = [kind for kind in known if end in kind.formats]
    if not fitting:
        raise ModelError(f"no engine reads '{end}' files", where=where, fix="export it to ONNX")
    here = [kind for kind in fitting if kind.installed]
    if not here:
        raise MissingDependency(
            f"needs the engine {fitting[0].name}, which is not installed",
            where=where,
            fix=f"pip install {fitting[0].name}",
        )
    offering = _offering(here, "cuda" if device == "auto" else device)
    if not offering and device != "auto":
        opencv.choose_device(device)  # says what is missing
        raise ModelError(f"none of its engines runs on '{device}' here", where=where, fix="use device: auto")
    if engine == "auto" and offering:
        return offering
    # on the CPU, too, where the network turns out not to run on CUDA; not where that was asked for by name
    return [*offering, *(_offering(here, "cpu") if device == "auto" else ())]


def _offering(kinds: Sequence[Kind], device: str) -> list[Place]:
    """Those that are installed and run on the device here."""
    return [Place(kind, device) for kind in kinds if kind.installed and device in kind.devices()]


def _on(kind: Kind, device: Device) -> str:
    """What this engine runs on where it is asked for by name. ModelError, MissingDependency."""
    if kind.name == "opencv":
        return opencv.choose_device(device)
    if not kind.installed:
        library(kind.name)
    known = kind.devices()
    if device == "auto":
        return "cuda" if "cuda" in known else "cpu"
    if device not in known:
        raise ModelError(
            f"engine '{kind.name}' cannot run on '{device}' here: it has {', '.join(known)}",
            fix=f"set device to auto or {known[0]}, or engine to default",
        )
    return device


def _first(trial: Trial, places: Sequence[Place]) -> tuple[Engine, tuple[Remark, ...]]:
    """The first engine that runs it, and why others before it did not."""
    failed: list[tuple[Place, ModelError | MissingDependency]] = []
    for place in places:
        try:
            opened, _ = trial.open(place)
        except (ModelError, MissingDependency) as error:
            failed.append((place, error))
            continue
        told = [
            Remark("engine-fallback", f"{opened.name} on {opened.device} runs it: {error.what}")
            for _, error in failed
        ]
        return opened, tuple(told)
    first = failed[0][1]
    end = PurePath(trial.card.main.file).suffix.lower()
    absent = [k.name for k in KINDS.values() if end in k.formats and not k.installed]
    if absent and isinstance(first, ModelError):
        fix = f"{first.fix}; or install an engine that may read it: pip install {' '.join(absent)}"
        raise ModelError(first.what, where=first.where, fix=fix) from first
    raise first


def _doubts(card: Card, opened: Engine, *, named: bool) -> tuple[Remark, ...]:
    """What is known of this engine and this network."""
    if not card.engines or opened.name == card.engines[0]:
        return ()
    if opened.name not in card.engines:
        text = (
            f"{opened.name} is not known to run this network right; its card names {', '.join(card.engines)}"
        )
        return (Remark("engine-doubtful", text),)
    best = card.engines[0]
    if named or best not in KINDS or KINDS[best].installed:
        return ()
    text = f"{opened.name} runs it: its card prefers {best}, which is not installed; pip install {best}"
    return (Remark("engine-fallback", text),)


def _taken(device: Device, opened: Engine) -> tuple[Remark, ...]:
    if device != "auto":
        return ()
    if opened.device == "cpu":
        library = "OpenCV" if opened.name == "opencv" else opened.name
        return (Remark("cpu-fallback", f"device auto took the CPU: this {library} has no CUDA device"),)
    return (Remark("device", f"device auto took {opened.device}"),)
