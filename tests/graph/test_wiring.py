"""Wiring: which output goes to which input, and what is said when it cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.toys import ToyCount, ToyDetect, ToyTrack, entry, problems_of
from vidstream.graph.description import When, Wiring
from vidstream.graph.kinds import Reading
from vidstream.graph.stage import Stage, spec_of, stage
from vidstream.graph.wiring import wire
from vidstream.types import Canvas, Counts, Detections, Events, Image, Texts, View


@stage("wire.resize")
class Resize(Stage):
    """A view from a view."""

    def process(self, image: View) -> View: ...


@stage("wire.draw")
class Draw(Stage):
    """Takes any picture and any number of counts."""

    def process(
        self, image: Image, objects: tuple[Detections, ...] = (), counts: tuple[Counts, ...] = ()
    ) -> Canvas: ...


@stage("wire.sink", sink=True)
class Sink(Stage):
    """One optional port per type."""

    def process(self, objects: Detections | None = None, events: Events | None = None) -> None: ...


@stage("wire.video", sink=True)
class Video(Stage):
    """A picture."""

    def process(self, image: Image) -> None: ...


@stage("wire.both")
class Both(Stage):
    """Gives two pictures."""

    def process(self, image: View) -> tuple[View, Canvas]: ...


@stage("wire.more", adds=True)
class More(Stage):
    """Gives counts beside those it takes."""

    def process(self, counts: Counts) -> Counts: ...


@stage("wire.read")
class Read(Stage):
    """Needs texts."""

    def process(self, texts: Texts) -> None: ...


def wired(*entries: Any) -> Wiring:
    reading = Reading()
    result = wire(entries, reading)
    assert [str(p) for p in reading.problems] == []
    return result


BIND = "bindings"


@pytest.mark.parametrize(
    ("entries", "stage_id", "expected"),
    [
        pytest.param(
            [("det", ToyDetect, {})], "det", {"image": ["source.view"]}, id="a picture from the source"
        ),
        pytest.param(
            [("small", Resize, {}), ("det", ToyDetect, {})],
            "det",
            {"image": ["small.view"]},
            id="the nearest earlier view",
        ),
        pytest.param(
            [("small", Resize, {}), ("det", ToyDetect, {BIND: {"image": ("source",)}})],
            "det",
            {"image": ["source.view"]},
            id="the source by name",
        ),
        pytest.param(
            [("det", ToyDetect, {}), ("draw", Draw, {}), ("two", ToyDetect, {})],
            "two",
            {"image": ["source.view"]},
            id="a drawn picture is never analysed by default",
        ),
        pytest.param(
            [("det", ToyDetect, {}), ("draw", Draw, {}), ("file", Video, {})],
            "file",
            {"image": ["draw.canvas"]},
            id="a video shows the drawn picture",
        ),
        pytest.param(
            [("det", ToyDetect, {}), ("track", ToyTrack, {}), ("draw", Draw, {})],
            "draw",
            {"image": ["source.view"], "objects": ["track.tracks"], "counts": []},
            id="tracks replace the detections they were made from",
        ),
        pytest.param(
            [("a", ToyDetect, {}), ("b", ToyDetect, {}), ("track", ToyTrack, {}), ("draw", Draw, {})],
            "draw",
            {"image": ["source.view"], "objects": ["a.detections", "track.tracks"], "counts": []},
            id="detections nobody refined stay",
        ),
        pytest.param(
            [
                ("det", ToyDetect, {}),
                ("track", ToyTrack, {}),
                ("count", ToyCount, {}),
                ("more", More, {}),
                ("draw", Draw, {}),
            ],
            "draw",
            {
                "image": ["source.view"],
                "objects": ["track.tracks"],
                "counts": ["count.counts", "more.counts"],
            },
            id="a stage that adds does not replace what it was made from",
        ),
        pytest.param(
            [("det", ToyDetect, {}), ("track", ToyTrack, {}), ("count", ToyCount, {}), ("log", Sink, {})],
            "log",
            {"objects": ["track.tracks"], "events": ["count.events"]},
            id="a sink takes all it can by default",
        ),
        pytest.param(
            [
                ("det", ToyDetect, {}),
                ("track", ToyTrack, {}),
                ("count", ToyCount, {}),
                ("log", Sink, {BIND: {"": ("count.events",)}}),
            ],
            "log",
            {"objects": [], "events": ["count.events"]},
            id="with `in` only what is named",
        ),
        pytest.param(
            [("det", ToyDetect, {}), ("log", Sink, {BIND: {"objects": ()}})],
            "log",
            {"objects": [], "events": []},
            id="an optional input left out on purpose",
        ),
        pytest.param(
            [("track", ToyTrack, {BIND: {"detections": ("det",)}}), ("det", ToyDetect, {})],
            "track",
            {"detections": ["det.detections"]},
            id="a later stage by name",
        ),
    ],
)
def test_bindings(entries: list[Any], stage_id: str, expected: dict[str, list[str]]) -> None:
    wiring = wired(*(entry(i, cls, **options) for i, cls, options in entries))
    assert {k: [".".join(s) for s in v] for k, v in wiring.bindings[stage_id].items()} == expected


def test_order_follows_references_and_else_the_file() -> None:
    stages = [
        entry("track", ToyTrack, bindings={"detections": ("det",)}),
        entry("other", Resize),
        entry("det", ToyDetect, bindings={"image": ("source",)}),
    ]
    assert [e.id for e in wired(*stages).order] == ["other", "det", "track"]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        pytest.param(
            [("track", ToyTrack, {})],
            "graph.track: needs Detections, which no earlier stage gives; "
            "put one before it: toy.detect, toy.track",
            id="nothing gives it",
        ),
        pytest.param(
            [("track", ToyTrack, {}), ("det", ToyDetect, {})],
            "graph.track: needs Detections, which no earlier stage gives; 'det' gives it: put it before, "
            "or write in: {detections: det}",
            id="only a later stage gives it",
        ),
        pytest.param(
            [("det", ToyDetect, {BIND: {"image": ("sauce",)}})],
            "graph.det.in.image: there is no stage 'sauce'; did you mean 'source'?",
            id="a stage that is not there",
        ),
        pytest.param(
            [("det", ToyDetect, {}), ("log", Sink, {BIND: {"": ("det.events",)}})],
            "graph.log.in: there is no output 'det.events'; there is det.detections",
            id="an output that is not there",
        ),
        pytest.param(
            [("det", ToyDetect, {BIND: {"picture": ("source",)}})],
            "graph.det.in.picture: toy.detect has no input 'picture'; it has image",
            id="an input that is not there",
        ),
        pytest.param(
            [("det", ToyDetect, {}), ("read", Read, {BIND: {"texts": ("det",)}})],
            "graph.read.in.texts: input 'texts' takes Texts, but 'det' gives Detections",
            id="the wrong type",
        ),
        pytest.param(
            [("det", ToyDetect, {}), ("small", Resize, {BIND: {"": ("det",)}})],
            "graph.small.in: wire.resize has no input for Detections, which 'det' gives",
            id="nothing that fits",
        ),
        pytest.param(
            [("both", Both, {}), ("file", Video, {})],
            "graph.file: input 'image' could be both.view or both.canvas; choose one: in: {image: both.view}",
            id="ambiguous",
        ),
        pytest.param(
            [("a", ToyDetect, {}), ("b", ToyDetect, {}), ("t", ToyTrack, {BIND: {"detections": ("a", "b")}})],
            "graph.t.in.detections: input 'detections' takes one Detections, got 2",
            id="two for one",
        ),
        pytest.param(
            [("det", ToyDetect, {BIND: {"image": ()}})],
            "graph.det.in.image: input 'image' cannot be left out",
            id="a required input left out",
        ),
        pytest.param(
            [("a", Resize, {BIND: {"image": ("b",)}}), ("b", Resize, {BIND: {"image": ("a",)}})],
            "graph.a: runs in a circle: a -> b -> a",
            id="a circle",
        ),
        pytest.param(
            [("a", Resize, {BIND: {"image": ("a",)}})], "graph.a: runs in a circle: a -> a", id="itself"
        ),
        pytest.param(
            [("track", ToyTrack, {BIND: {"detections": ("det",)}, "workers": 2}), ("det", ToyDetect, {})],
            "graph.track.workers: toy.track keeps state from frame to frame and cannot have several workers; "
            "take 'workers' away",
            id="several workers for a stage with memory",
        ),
        pytest.param(
            [("det", ToyDetect, {"when": When("nobody")})],  # type: ignore[arg-type]
            "graph.det.when: there is no stage 'nobody'; there are det, source",
            id="a condition on nothing",
        ),
    ],
)
def test_problems(entries: list[Any], message: str) -> None:
    stages = [entry(i, cls, **options) for i, cls, options in entries]
    known = [spec_of(c) for c in (ToyDetect, ToyTrack)]
    assert [str(p) for p in problems_of(stages, known)] == [message]
