"""The sample clip, by name, so that a configuration runs on any machine as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vidstream.demo_clip import find_clip
from vidstream.errors import ParamError, SourceError
from vidstream.graph.source import source
from vidstream.sources.address import accepts
from vidstream.sources.file import VideoFile
from vidstream.sources.timeline import MaxFps
from vidstream.types.values import InputFile


@source("sample", accepts=accepts("sample"))
class SampleClip(VideoFile):
    """A real clip for first steps: people walking (OpenCV's vtest.avi), once `make demo` has fetched it.

    Example::

        source: {uri: "sample:people", fps: 5}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Which sample, and how it is played."""

        uri: Literal["sample:people"]  #: the clip
        fps: MaxFps | None = None  #: use at most so many frames per second, evenly chosen
        loop: bool = False  #: start over at the end, for ever

        def __post_init__(self) -> None:
            if find_clip(lambda line: None) is None:
                raise ParamError(
                    "the clip is not on this machine yet", path=("uri",), fix="run: python run.py demo"
                )

    def __init__(self, params: Params) -> None:
        clip = find_clip(lambda line: None)
        if clip is None:
            raise SourceError("the sample clip has gone", fix="run: python run.py demo", retry=False)
        super().__init__(VideoFile.Params(InputFile(clip), params.fps, loop=params.loop))
