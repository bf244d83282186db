"""What networks without boxes have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from detectors.catalogue import Task
from detectors.dnn.engines.base import Engine, Remark
from detectors.dnn.network import Network
from detectors.vision.option import VisionOption


class VisionNetwork:
    """A loaded network for one of `tasks`. Use it from one thread; running it leaves Python's lock free.

    `models` is a folder searched first; `engine` takes the place of the one the options ask for, such as a
    network shared with others. ModelError: unknown or missing model, a damaged file, a device that is not
    there.
    """

    def __init__(
        self, option: VisionOption, tasks: Sequence[Task], models: Path | None, engine: Engine | None
    ) -> None:
        self._where = f"model '{option.model}'"
        self._network = Network(option, tasks, models=models, engine=engine)
        self.card = self._network.card
        #: most pictures that one run gains from
        self.batch_limit = self._network.batch_limit

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What a user should know of how the network came to run as it does."""
        return self._network.remarks
