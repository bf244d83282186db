"""A small world of stages and sources, so that messages can be tested to the letter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from vidstream.config import loads
from vidstream.errors import ConfigError, ParamError
from vidstream.graph.registry import Registry
from vidstream.graph.source import Frame, Source, source
from vidstream.graph.stage import Stage, stage
from vidstream.types import Canvas, Counts, Detections, Events, StreamInfo, Tracks, View
from vidstream.types.values import (
    Colour,
    InputFile,
    Line,
    OutputFile,
    Polygon,
    Positive,
    Range,
    Ratio,
    Seconds,
    Secret,
    Uri,
)


@stage("detect.dnn", heavy=True, stateless=True)
class Dnn(Stage):
    """Find objects with a network."""

    @dataclass(frozen=True, slots=True)
    class Params:
        model: str = "yolox-nano"  #: which network
        confidence: Ratio = 0.5  #: leave out what is less sure
        classes: tuple[str, ...] = ()  #: keep only these
        device: Literal["auto", "cpu", "cuda"] = "auto"  #: where it runs
        size: tuple[int, int] = (416, 416)  #: width and height it sees

    params: Params

    @classmethod
    def check(cls, params: Params) -> Iterable[ParamError]:
        if params.model == "yolox-giant":
            yield ParamError(
                "there is no model 'yolox-giant'", path=("model",), fix="'models list' shows all"
            )

    def process(self, view: View) -> Detections: ...


@stage("track.sort")
class Sort(Stage):
    """Follow objects."""

    @dataclass(frozen=True, slots=True)
    class Params:
        coast: Seconds = 1.0  #: keep a lost object for so long

    params: Params

    def process(self, detections: Detections) -> Tracks: ...


@stage("count.line")
class CountLine(Stage):
    """Count who crosses a line."""

    @dataclass(frozen=True, slots=True)
    class Params:
        lines: Mapping[str, Line]  #: name -> two points

    params: Params

    def process(self, tracks: Tracks) -> tuple[Counts, Events]: ...


@dataclass(frozen=True, slots=True)
class Zone:
    """One zone."""

    area: Polygon  #: its corners
    limit: Positive = 10  #: alarm above so many


@stage("count.zone")
class CountZone(Stage):
    """Count who is in a zone."""

    @dataclass(frozen=True, slots=True)
    class Params:
        zones: tuple[Zone, ...]  #: the zones
        low: Ratio = 0.2  #: below: empty
        high: Ratio = 0.8  #: above: full

        def __post_init__(self) -> None:
            if self.low > self.high:
                raise ParamError(f"'low' ({self.low:g}) is above 'high' ({self.high:g})", path=("low",))

    params: Params

    def process(self, tracks: Tracks) -> Counts: ...


@stage("draw.overlay")
class Overlay(Stage):
    """Draw."""

    @dataclass(frozen=True, slots=True)
    class Params:
        colour: Colour | None = None  #: of boxes
        font: InputFile | None = None  #: a font file

    params: Params

    def process(
        self, view: View, tracks: Tracks | None = None, counts: tuple[Counts, ...] = ()
    ) -> Canvas: ...


@stage("sink.jsonl", sink=True)
class Jsonl(Stage):
    """Write results."""

    @dataclass(frozen=True, slots=True)
    class Params:
        path: OutputFile  #: the file to write

    params: Params

    def process(self, detections: Detections | None = None, events: tuple[Events, ...] = ()) -> None: ...


@stage("sink.http", sink=True)
class Http(Stage):
    """Send events."""

    @dataclass(frozen=True, slots=True)
    class Params:
        url: Uri  #: where to
        token: Secret | None = None  #: sent along
        port: Annotated[int, Range(1, 65535)] = 80  #: of the server
        verify: bool = True  #: check the certificate
        method: Literal["POST", "PUT"] = "POST"  #: how

    params: Params

    def process(self, events: Events) -> None: ...


class _Closed(Source):
    def open(self) -> StreamInfo:
        raise NotImplementedError

    def read(self) -> Frame | None:
        return None

    def close(self) -> None:
        pass


@source("camera", accepts=lambda text: text.isdecimal())
class Camera(_Closed):
    """A camera."""

    @dataclass(frozen=True, slots=True)
    class Params:
        uri: Annotated[int, Range(0, 9)] = 0  #: its number
        fps: Positive | None = None  #: frames per second


@source("stream", accepts=lambda text: "://" in text)
class Stream(_Closed):
    """A network stream."""

    @dataclass(frozen=True, slots=True)
    class Params:
        uri: Uri  #: its address
        fps: Annotated[float, Range(0, open_low=True)] | None = None  #: frames per second


@source("file", accepts=lambda text: text.endswith((".mp4", ".avi")))
class File(_Closed):
    """A video file."""

    @dataclass(frozen=True, slots=True)
    class Params:
        uri: Uri  #: its path
        loop: bool = False  #: begin again at the end


@pytest.fixture(scope="session")
def registry() -> Registry:
    made = Registry()
    for item in (Dnn, Sort, CountLine, CountZone, Overlay, Jsonl, Http, Camera, Stream, File):
        made.add(item)
    return made


@pytest.fixture(scope="session")
def environ() -> dict[str, str]:
    return {
        "CAM_PW": "hunter2secret",
        "PORT": "8080",
        "BIG": "987654",
        "FLAG": "no",
        "ON": "true",
        "PIN": "123456",
        "EMPTY": "",
    }


@pytest.fixture(scope="session")
def message(registry: Registry, environ: dict[str, str]) -> Callable[..., str]:
    """The whole message that a wrong text gives; a leading line break of the text does not count."""

    def read(text: str, **given: Any) -> str:
        with pytest.raises(ConfigError) as caught:
            loads(text.removeprefix("\n"), registry, name="g.yaml", environ=environ, **given)
        return str(caught.value)

    return read
