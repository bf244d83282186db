"""What the detectors share: where in a picture, and when, they look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from detectors.base import Detector
from detectors.focus import FocusedDetector, Sight
from detectors.gating import MotionGate, MovingParams
from detectors.regions import RegionParams, Regions
from detectors.tiling import TileParams
from vidstream.errors import ParamError, UsageError
from vidstream.graph.stage import Stage
from vidstream.types import Detections, FrameInfo, StreamInfo, View
from vidstream.types.values import Positive, Range, Unit


@dataclass(frozen=True)  # without slots: a stage's options derive from this and from its detector's
class WhereOption:
    """Where and when to look."""

    #: look at tiles of the picture, too, to find small objects: their size in source pixels, or how many
    #: [columns, rows], or both with overlap and merging
    tiles: Annotated[int, Unit("px"), Range(32)] | tuple[Positive, Positive] | TileParams | None = None
    regions: RegionParams | None = None  #: look in parts of the picture only
    moving: bool | MovingParams = False  #: look only when, and where, something has changed (steady cameras)

    @property
    def tiling(self) -> TileParams | None:
        """Which tiles to look at; None for the picture alone."""
        given = self.tiles
        if isinstance(given, int):
            return TileParams(size=given)
        return TileParams(grid=given) if isinstance(given, tuple) else given

    @property
    def gating(self) -> MovingParams | None:
        """When and where to look again; None for always and everywhere."""
        given = self.moving
        return given if isinstance(given, MovingParams) else MovingParams() if given else None


def check_where(params: WhereOption) -> Iterable[ParamError]:
    """The mask of the regions."""
    if params.regions is not None:
        try:
            Regions(params.regions)
        except UsageError as error:
            yield ParamError(f"{error.where} {error.what}", path=("regions", "mask"), fix=error.fix)


class DetectorStage(Stage):
    """Finds objects where, and when, its options say.

    A stage is a few lines: options that derive from `WhereOption` and from its detector's, and the
    detector in `_new_detector`. Sources may share it: each has a gate of its own.
    """

    #: `WhereOption` and the detector's own
    params: Any

    def _new_detector(self) -> Detector:
        raise NotImplementedError

    @classmethod
    def check(cls, params: Any) -> Iterable[ParamError]:
        """Whether the regions can be read."""
        return check_where(params)

    @classmethod
    def memory(cls, params: Any) -> str:
        """The option `moving`."""
        return "moving" if params.moving else ""

    def open(self, stream: StreamInfo) -> None:
        """Make the detector."""
        params: WhereOption = self.params
        self._detector = self._new_detector()
        self.batch_limit = getattr(self._detector, "batch_limit", 1)
        self._focused = FocusedDetector(self._detector, tiles=params.tiling, regions=params.regions)
        #: source -> the segment it is at, and what has changed in it
        self._gates: dict[str, tuple[int, MotionGate]] = {}

    def process(self, image: View, frame: FrameInfo) -> Detections:
        """What is found, best score first.

        With `moving`, what stands still is reported as it was last found: the column ``since_seen`` (float32
        seconds) tells when, 0 = on this frame.
        """
        return self.process_batch([(image, frame)])[0]

    def process_batch(self, batch: Sequence[tuple[View, FrameInfo]]) -> list[Detections]:
        """The same for the pictures of several cameras."""
        sights = [Sight(view, (frame.width, frame.height)) for view, frame in batch]
        if self.params.gating is None:
            return self._focused.look(sights)
        gates = [self._gate(frame) for _, frame in batch]
        sights = [
            Sight(s.view, s.size, gate.parts(s.view, frame.pts, self._focused.wanted(s.view, s.size)))
            for s, gate, (_, frame) in zip(sights, gates, batch, strict=True)
        ]
        found = self._focused.look(sights)
        return [gate.settle(f, s.view) for gate, f, s in zip(gates, found, sights, strict=True)]

    def close(self) -> None:
        """Let go of the detector, and of the process that it may run in."""
        for name in ("_detector", "_focused"):
            vars(self).pop(name, None)

    def _gate(self, frame: FrameInfo) -> MotionGate:
        segment, gate = self._gates.get(frame.source, (-1, None))
        if gate is None or segment != frame.segment:
            gate = MotionGate(self.params.gating)
            self._gates[frame.source] = (frame.segment, gate)
        return gate
