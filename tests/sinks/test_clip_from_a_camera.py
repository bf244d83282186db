"""A camera over RTSP, recorded and cut as a user would: what was sent is what is on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import pytest

from tests.support.clips import number_of, numbered
from tests.support.rtsp_server import RtspServer
from vidstream.graph.stage import Stage, stage
from vidstream.pipeline import Pipeline
from vidstream.types import Event, Events, FrameInfo, View

FPS = 10


@stage("test.bell")
class Bell(Stage):
    """Ring at picture 30."""

    def process(self, image: View, frame: FrameInfo) -> Events:
        """The event."""
        if number_of(image.pixels) != 30:
            return Events()
        return Events((Event("rang", frame.source, frame.seq, frame.pts, frame.wall),))


def film(path: Path) -> list[tuple[float, int]]:
    with av.open(str(path)) as container:
        return [(float(f.time), number_of(f.to_ndarray(format="bgr24"))) for f in container.decode(video=0)]


@pytest.mark.slow
def test_what_a_camera_sends_is_on_disk(tmp_path: Path) -> None:
    graph: Mapping[str, Any] = {
        "bell": Bell,
        "clip": {"use": "sink.clip", "path": "clips/gate.mp4", "before": 1, "after": 2},
        "film": {"use": "sink.video", "path": "gate/%H-%M-%S.mp4", "segment": "2s"},
    }
    images = [numbered(i, (320, 240)) for i in range(100)]
    with RtspServer(fps=FPS, size=(320, 240), images=images) as camera:
        sources = {"gate": {"uri": camera.url}}
        run = {"out": str(tmp_path), "duration": "8s"}
        packets = list(Pipeline.build(sources=sources, graph=graph, run=run))
    (clip,) = (tmp_path / "clips").glob("*.mp4")
    rows = film(clip)
    assert {path.suffix for path in clip.parent.iterdir()} == {".mp4", ".jpg", ".json"}
    # all that was sent, whatever the graph let go: from the keyframe at 1 s before picture 30 to 2 s after
    assert [i for _, i in rows] == list(range(20, 51))
    assert [t for t, _ in rows] == pytest.approx([i / FPS for i in range(31)], abs=1e-6)
    saved = [e for p in packets for e in p["clip"] or ()]
    assert [(e.kind, e.data["kind"]) for e in saved] == [("clip_saved", "rang")]
    segments = [film(path) for path in sorted((tmp_path / "gate").glob("*.mp4"))]
    recorded = [i for rows in segments for _, i in rows]
    assert recorded == sorted(set(recorded))
    assert len(recorded) == len(packets)
    assert all(rows[0][0] == 0 for rows in segments)
    assert len(segments) >= 4
