"""What the stages share that are one network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from detectors.dnn.engines.base import Remark
from vidstream.errors import ParamError
from vidstream.graph.stage import Stage
from vidstream.stages.detect.checks import engine_problems, problems_of
from vidstream.types import StreamInfo


class Opened(Protocol):
    """A network that is loaded."""

    @property
    def remarks(self) -> Sequence[Remark]:
        """What a user should know of how it came to run as it does."""


N = TypeVar("N", bound=Opened)


class NetworkStage(Stage, Generic[N]):
    """Runs one network: what is wrong with it is told before anything opens, what it runs on when it does.

    A stage says in `_find` what must be there, and makes the network in `_new_network`.
    """

    #: options that derive from `NetworkOption`
    params: Any

    @classmethod
    def _find(cls, params: Any) -> object:
        """Raise ModelError where the model is not here, or does not fit; engine and device aside."""
        raise NotImplementedError

    def _new_network(self) -> N:
        raise NotImplementedError

    @classmethod
    def check(cls, params: Any) -> Iterable[ParamError]:
        """The model's files, the engine and the device."""
        yield from engine_problems(params.engine, params.device)
        yield from problems_of("model", lambda: cls._find(params))

    def open(self, stream: StreamInfo) -> None:
        """Load the network, and say what it runs on where that was not asked for."""
        self._network = self._new_network()
        for remark in self._network.remarks:
            self.notify(remark.kind, remark.text)
