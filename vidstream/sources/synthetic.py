"""Drawn video whose truth is known, for demos, tests and trying things out without a camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from vidstream.errors import ParamError, did_you_mean
from vidstream.graph.source import Frame, Source, source
from vidstream.sources.address import accepts
from vidstream.sources.limits import MAX_PIXELS, TOO_LARGE
from vidstream.sources.scenes import SCENES, Scene, Setting
from vidstream.sources.timeline import MaxFps
from vidstream.types import StreamInfo, Tracks
from vidstream.types.values import Positive, Range, Seconds


@source("synthetic", accepts=accepts("synthetic"))
class Synthetic(Source):
    """A drawn scene: ``synthetic:shapes``, ``synthetic:people`` or ``synthetic:text``.

    The same options give the same pixels on every run, and `truth` tells what each frame shows.

    Example::

        source: {uri: "synthetic:people", objects: 8, duration: 1m}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Which scene, how much of it, and for how long."""

        uri: str = "synthetic:shapes"  #: synthetic: and the name of a scene (shapes, people, text)
        size: tuple[Positive, Positive] = (640, 480)  #: width and height
        fps: MaxFps = 25.0  #: frames per second
        duration: Seconds = 20.0  #: how long it lasts
        objects: Positive = 6  #: how many shapes, walkers or signs
        seed: Annotated[int, Range(0)] = 0  #: another number, another scene

        def __post_init__(self) -> None:
            if self.scene not in SCENES:
                fix = did_you_mean(self.scene, list(SCENES)) or f"known are {', '.join(SCENES)}"
                raise ParamError(f"there is no scene '{self.scene}'", path=("uri",), fix=fix)
            if self.size[0] * self.size[1] > MAX_PIXELS:
                raise ParamError("more pixels than a picture may have", path=("size",), fix=TOO_LARGE)

        @property
        def scene(self) -> str:
            """The scene's name."""
            return self.uri.partition(":")[2] or "shapes"

    params: Params

    def __init__(self, params: Params) -> None:
        super().__init__(params)
        self._scene: Scene | None = None
        self._index = 0

    def open(self) -> StreamInfo:
        """Prepare the scene."""
        width, height = self.params.size
        self._index = 0
        frames = round(self.params.duration * self.params.fps)
        fps, duration = self.params.fps, self.params.duration
        return StreamInfo(self.name, width, height, fps, duration, frames, uri=self.params.uri)

    def read(self) -> Frame | None:
        """The next frame."""
        pts = self._index / self.params.fps
        if self.stopping.is_set() or self._index >= round(self.params.duration * self.params.fps):
            return None
        self._index += 1
        pixels = self._made().draw(pts)
        pixels.flags.writeable = False
        return Frame(pixels, pts)

    def close(self) -> None:
        """Nothing stays open."""

    def truth(self, index: int) -> Tracks:
        """What frame number `index` shows; needs no `open`."""
        return self._made().truth(index / self.params.fps)

    def _made(self) -> Scene:
        if self._scene is None:
            width, height = self.params.size
            setting = Setting(width, height, self.params.objects, self.params.seed)
            self._scene = SCENES[self.params.scene](setting)
        return self._scene
