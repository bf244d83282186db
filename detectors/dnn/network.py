"""A network and its card: pictures in, raw outputs out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from detectors import catalogue
from detectors.catalogue import Card, Task
from detectors.dnn.bare import Wish
from detectors.dnn.describe import describe, is_file_name
from detectors.dnn.engines.base import Blob, Device, Engine, EngineName, Outputs, Remark
from detectors.dnn.engines.batches import batched, one_of
from detectors.dnn.engines.choose import check_engine, open_engine
from detectors.dnn.preprocess import Preprocessor
from detectors.dnn.ultralytics.engine import open_ultralytics
from vidstream.errors import ModelError
from vidstream.types import View
from vidstream.types.values import ModelName

Matrix: TypeAlias = npt.NDArray[np.float64]

_DEFAULT = ModelName("yolox-nano")


@dataclass(frozen=True)  # without slots: the options of detectors derive from this
class NetworkOption:
    """Which network to run, and what runs it."""

    model: ModelName = _DEFAULT  #: a name in the catalogue, or a network's file
    device: Device = "auto"  #: auto takes CUDA where it is available, and the CPU elsewhere
    engine: EngineName = "default"  #: default: OpenCV where it can; auto: the fastest that is installed
    family: str = "auto"  #: decoder for a model file; auto tells it from the outputs
    names: tuple[str, ...] = ()  #: class names of a model file, in order (empty: those in the file)

    def describe(self, tasks: Sequence[Task]) -> tuple[Card, Mapping[str, bytes]]:
        """A card for the model file named, from what it says of itself, and its bytes by role. ModelError."""
        return describe(Path(self.model), tasks=tasks, family_name=self.family, names=self.names)


class Network:
    """A loaded network. Use it from one thread; running it leaves Python's lock free.

    `engine` takes the place of the one the options ask for, such as a network shared with others.
    ModelError: unknown or missing model, one for another task, a damaged file, a device that is not there.
    """

    def __init__(
        self,
        option: NetworkOption,
        tasks: Sequence[Task],
        *,
        models: Path | None = None,
        engine: Engine | None = None,
    ) -> None:
        self.remarks: tuple[Remark, ...] = ()
        data: Mapping[str, bytes] = {}
        if engine is None and option.engine == "ultralytics":
            self.card, engine = _in_ultralytics(option, tasks)
        elif engine is None:
            self.card, data = load_model(option, tasks, models)
            engine, self.remarks = open_engine(self.card, data, engine=option.engine, device=option.device)
        else:
            self.card = find_card(option, tasks, models)
        #: what runs it, and the most pictures that one run gains from
        self.engine, self.batch_limit = batched(engine, self.card, data)
        self._prepare = Preprocessor(self.card.input, self.batch_limit)

    @property
    def names(self) -> Mapping[int, str]:
        """Class id -> class name."""
        return self.card.names

    def run(self, view: View) -> tuple[Outputs, Matrix]:
        """Raw outputs for one picture, and the 3x3 matrix from the network's input pixels to the view's."""
        blob, back = self._prepare(view)
        return self.engine.run(self._named(blob)), back

    def _named(self, blob: Blob) -> Blob | Mapping[str, Blob]:
        """The picture with what else the network takes, such as the size that boxes are given in."""
        inputs = self.card.options.get("inputs", {})
        if not inputs:
            return blob
        return {name: blob if v == "picture" else np.array(v, np.float32) for name, v in inputs.items()}

    def run_batch(self, views: Sequence[View]) -> list[tuple[Outputs, Matrix]]:
        """`run` for each view, up to `batch_limit` of them at once."""
        found: list[tuple[Outputs, Matrix]] = []
        for first in range(0, len(views), self.batch_limit):
            blob, backs = self._prepare.batch(views[first : first + self.batch_limit])
            outputs = self.engine.run(self._named(blob))
            if len(backs) == 1:
                found.append((outputs, backs[0]))
            else:
                found += [(one_of(outputs, place), back) for place, back in enumerate(backs)]
        return found


def _in_ultralytics(option: NetworkOption, tasks: Sequence[Task]) -> tuple[Card, Engine]:
    """The model's file, run by the package."""
    wish = Wish(tasks, option.family, option.names)
    return open_ultralytics(option.model, wish, option.device)


def load_model(
    option: NetworkOption, tasks: Sequence[Task], models: Path | None = None
) -> tuple[Card, Mapping[str, bytes]]:
    """Card and checked bytes, by role, of the model named, in the catalogue or as a file. ModelError."""
    if option.model.lower().endswith(".pt"):
        raise ModelError(
            "a .pt file is a Python program as much as a network, and is run only where that is asked for",
            where=f"model '{option.model}'",
            fix=f"run: python run.py models export {option.model}; or set engine: ultralytics",
        )
    if is_file_name(option.model):
        card, data = option.describe(tasks)
    else:
        card, data = catalogue.load(option.model, models)
    _refuse_other_tasks(card, tasks, option.model)
    return card, data


def find_card(option: NetworkOption, tasks: Sequence[Task], models: Path | None = None) -> Card:
    """The model's card, if its files are here; in the catalogue nothing is hashed or loaded. ModelError."""
    if is_file_name(option.model) or option.model.lower().endswith(".pt"):
        return load_model(option, tasks, models)[0]
    card = catalogue.find(option.model, models)[0]
    _refuse_other_tasks(card, tasks, option.model)
    return card


def check_network(option: NetworkOption, tasks: Sequence[Task], models: Path | None = None) -> Card:
    """The model's card, if `Network(option, tasks)` can be made. ModelError, MissingDependency if not."""
    card = find_card(option, tasks, models)
    check_engine(option.engine, option.device)
    return card


def _refuse_other_tasks(card: Card, tasks: Sequence[Task], model: str) -> None:
    if card.task not in tasks:
        fitting = [e.card.name for e in catalogue.entries() if e.card.task in tasks]
        raise ModelError(
            f"is for another task: {card.task}, not {' or '.join(tasks)}",
            where=f"model '{model}'",
            fix=f"choose one of {', '.join(fitting)}" if fitting else "choose a model for this task",
        )
