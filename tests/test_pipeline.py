"""The Python face: the same graphs, objects and errors as from the command line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import pytest

from vidstream import Pipeline, Stage, stage
from vidstream.errors import ConfigError, SourceError
from vidstream.types import Detections, FrameInfo, Tracks, View

YAML = """
version: 1
vars: {area: 0.0005}
sources: {a: {uri: "synthetic:shapes"}, b: {uri: "synthetic:people"}}
run: {frames: 30}
graph:
  move: {use: detect.motion, warm_up: 0.2, min_area: "${area}"}
  track: {use: track.sort, n_init: 2}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(YAML)
    return path


def test_frames_come_one_by_one_with_their_results(config: Path) -> None:
    seen: dict[str, list[int]] = {"a": [], "b": []}
    tracked: Counter[str] = Counter()
    pipeline = Pipeline.from_yaml(config)
    for packet in pipeline:
        seen[packet.source].append(packet.seq)
        assert isinstance(packet.image, View)
        assert isinstance(packet["track"], Tracks)
        assert packet["move.detections"] is packet["move"][0]
        tracked[packet.source] += len(packet["track"])
    assert seen == {"a": list(range(30)), "b": list(range(30))}
    assert min(tracked.values()) > 0
    assert [s.ledger.done for s in pipeline.report.sources] == [30, 30]


def test_overrides_variables_and_sources_replace_what_the_file_says(config: Path) -> None:
    pipeline = Pipeline.from_yaml(
        config, source="synthetic:shapes", overrides={"run.frames": "3"}, variables={"area": "0.5"}
    )
    assert [len(packet["move.detections"]) for packet in pipeline] == [0, 0, 0]  # nothing is as large as half


def test_a_graph_in_code_takes_classes_and_functions() -> None:
    @stage("test.biggest")
    def biggest(detections: Detections, least: float = 0.0) -> Detections:
        """Keep the largest box."""
        size = (detections.boxes[:, 2:] - detections.boxes[:, :2]).prod(axis=1)
        return detections[[int(size.argmax())]] if len(detections) else detections

    @stage("test.widths")
    class Widths(Stage):
        """Note how wide it is."""

        found: ClassVar[list[float]] = []

        def process(self, detections: Detections, frame: FrameInfo) -> None:
            """Add it."""
            self.found.extend((detections.boxes[:, 2] - detections.boxes[:, 0]).tolist())

    graph: dict[str, Any] = {
        "move": "detect.motion",
        "big": {"use": biggest, "least": 1},
        "note": Widths,
    }
    report = Pipeline.build(source="synthetic:people", graph=graph, run={"frames": 40}).run()
    assert report.exit_code == 0
    assert 1 <= len(Widths.found) <= 40


def test_a_wrong_graph_in_code_is_refused_with_all_its_faults() -> None:
    with pytest.raises(ConfigError) as caught:
        Pipeline.build(
            source="synthetic:people",
            graph={
                "find": {"use": "detect.motion", "min_aera": 1},
                "count": {"use": "count.line", "lines": {}},
            },
        )
    message = str(caught.value)
    assert "graph.find.min_aera: unknown option of detect.motion; did you mean 'min_area'?" in message
    assert "graph.count: needs Tracks, which no earlier stage gives" in message


def test_a_source_that_breaks_raises_after_its_last_frame(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_text("no video")
    pipeline = Pipeline.build(source="broken.mp4", graph={"move": "detect.motion"}, base=tmp_path)
    with pytest.raises(SourceError, match="broken"):
        list(pipeline)


def test_stop_may_come_from_inside_the_loop() -> None:
    pipeline = Pipeline.build(source={"uri": "synthetic:shapes"}, graph={"move": "detect.motion"})
    count = 0
    for _ in pipeline:
        count += 1
        if count == 5:
            pipeline.stop()
    assert 5 <= count < 60
    assert pipeline.report.stopped


def test_a_recording_is_refined_without_further_ado() -> None:
    """Two passes in one run: the detector looks at a frame once, the tracks have no holes."""

    @stage("test.look", heavy=True)
    class Look(Stage):
        """Find people, and note when."""

        at: ClassVar[list[int]] = []

        def process(self, image: View, frame: FrameInfo) -> Detections:
            """One person, who walks; the fourth second is missed."""
            self.at.append(frame.seq)
            x = 50 + 40 * frame.pts
            hidden = 1.0 <= frame.pts < 1.5
            return Detections.empty() if hidden else Detections.of([[x, 50, x + 30, 130]])

    for refine, holes in ((False, True), (True, False)):
        Look.at.clear()
        graph: dict[str, Any] = {
            "look": {"use": Look, "every": 2},
            "track": {"use": "track.sort", "refine": refine, "max_age": 2},
            "count": "count.objects",
        }
        pipeline = Pipeline.build(source="synthetic:people", graph=graph, run={"frames": 75})
        packets = list(pipeline)
        assert [packet.seq for packet in packets] == list(range(75))
        assert Look.at == list(range(0, 75, 2))
        # from the third look on, until the last one
        assert any(len(packet["track"]) != 1 for packet in packets[6:74]) == holes
        assert all(packet["look"] is None for packet in packets[1::2])
        assert all(isinstance(packet["look"], Detections) for packet in packets[::2])
        assert len(pipeline.report.sources[0].passes) == 1 + refine


def test_a_camera_cannot_be_refined(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text("graph:\n  find: detect.motion\n  track: {use: track.sort, refine: true}\n")
    with pytest.raises(ConfigError) as caught:
        Pipeline.from_yaml(path, source="rtsp://10.0.0.5/1")
    assert f"{path}:3:36: graph.track.refine: has to know the whole recording" in str(caught.value)
    assert "take 'refine' away, or record it, and run this on the recording" in str(caught.value)


def test_options_are_looked_at_once() -> None:
    """A model's file is hashed before anything opens, but not twice."""

    @stage("test.checked")
    class Checked(Stage):
        """Count the looks."""

        looks: ClassVar[list[str]] = []

        @classmethod
        def check(cls, params: Any) -> tuple[()]:
            cls.looks.append("look")
            return ()

        def process(self, image: View) -> Detections:
            """Find nothing."""
            return Detections.empty()

    Pipeline.build(source="synthetic:people", graph={"check": Checked}, run={"frames": 2}).run()
    assert Checked.looks == ["look"]
