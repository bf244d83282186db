"""draw.mosaic: all cameras of a run on one picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from vidstream.errors import ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.stages.draw.wall import Wall
from vidstream.types import Canvas, Image, SourceStatus, StreamInfo
from vidstream.types.values import Positive

#: seconds without a picture after which another camera's lane carries the wall on
_PATIENCE = 2.0
_LEAST, _MOST = 64, 8192


@stage("draw.mosaic")
class Mosaic(Stage):
    """Show all cameras of a run on one picture, each with its name and state.

    Every camera that has this stage gets a cell, in the order of their names, with its newest picture at the
    largest size that fits. Where a camera is away, its last picture turns gray, and says what has happened,
    since when, and why.

    One picture for all needs one place to go to: it comes out in the lane of one camera alone, the host, at
    that camera's pace; in the lanes of the others this stage gives nothing. The host is the first camera that
    is live, unless `host` names one. Where no picture of it comes for two seconds, another one takes over.
    Write files under a name with `${source}`: the one of the host gets the pictures.

    Cost: 0.9 to 1.5 ms for each 1080p picture of each camera, and 0.1 to 0.2 ms in the lane of the host.

    Example::

        graph:
          wall: {use: draw.mosaic, size: [640, 360]}
          file: {use: sink.video, path: "wall-${source}.mp4"}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Options."""

        size: tuple[Positive, Positive] = (1280, 720)  #: width and height of the whole
        columns: Literal["auto"] | Positive = "auto"  #: cells beside each other; auto: as large as can be
        order: tuple[str, ...] = ()  #: cameras that come first; they keep their cells while away
        titles: bool = True  #: name each camera, with a dot in the colour of its state
        host: str | None = None  #: the camera whose lane the whole picture comes out of

    params: Params
    _wall: Wall | None = None

    @classmethod
    def check(cls, params: Any) -> Iterable[ParamError]:
        """Is the size one that can be drawn on?"""
        if not all(_LEAST <= side <= _MOST for side in params.size):
            fix = f"give a width and a height from {_LEAST} to {_MOST} pixels"
            yield ParamError("no size for a wall of pictures", path=("size",), fix=fix)

    def open(self, stream: StreamInfo) -> None:
        """Join the wall of this run."""
        own = self.params
        columns = None if own.columns == "auto" else own.columns
        self._key = ("draw.mosaic", self.stage_id, own.size, columns, own.order, own.titles)
        now = self.clock.monotonic
        wall = self.commons.join(self._key, lambda: Wall(own.size, columns, own.order, own.titles, now))
        wall.join(self.source)
        self._wall = wall

    def on_status(self, status: SourceStatus) -> None:
        """What the cell says while no pictures come."""
        if self._wall is not None:
            self._wall.tell(self.source, status)

    def process(self, image: Image) -> Canvas | None:
        """The whole, in the lane of the host."""
        assert self._wall is not None, "open comes before process"
        self._wall.show(self.source, image.pixels)
        if not self._wall.is_host(self.source, self.params.host or "", _PATIENCE):
            return None
        return Canvas(self._wall.picture())

    def close(self) -> None:
        """Leave the wall."""
        wall, self._wall = self._wall, None
        if wall is not None:
            wall.leave(self.source)
            self.commons.leave(self._key)
