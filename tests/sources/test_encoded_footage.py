"""What sources keep of the packets that came in: on the frames' own time line, fit to be written again."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.clips import Watched, make_clip, number_of
from tests.support.rtsp_server import RtspServer
from tests.support.web_server import byte_server, web_server
from vidstream.graph.footage import EncodedPacket
from vidstream.graph.source import Frame
from vidstream.sources import fresh, live, session
from vidstream.sources.file import VideoFile
from vidstream.sources.stream import NetworkStream

MICROS = Fraction(1, 1_000_000)


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests ask for every frame: on a busy machine one that comes late counts, too."""
    for module in (fresh, live, session):
        monkeypatch.setattr(module, "STALE_S", 60.0)


def shown(packets: list[EncodedPacket]) -> list[tuple[float, int]]:
    """What a decoder makes of the packets alone: seconds and numbers, in the order of showing."""
    codec = av.CodecContext.create(packets[0].codec.name, "r")
    assert isinstance(codec, av.VideoCodecContext)
    codec.extradata = packets[0].codec.extradata or None
    codec.thread_type = "NONE"
    found = []
    for kept in [*packets, None]:
        packet = None if kept is None else av.Packet(kept.data)
        if packet is not None and kept is not None:
            packet.time_base = MICROS
            packet.pts, packet.dts = round(kept.pts / MICROS), round(kept.dts / MICROS)
        found += codec.decode(packet)
    return [(float(f.pts * MICROS), number_of(f.to_ndarray(format="bgr24"))) for f in found]


def seen(frames: list[Frame]) -> list[tuple[float, int]]:
    """Seconds and numbers of frames."""
    return [(pytest.approx(f.pts, abs=1e-6), number_of(f.pixels)) for f in frames]


CLIPS = {
    "mp4 with pictures out of order": (
        "clip.mp4",
        {"options": {"g": "12", "bf": "2", "sc_threshold": "0", "x264-params": "open-gop=0"}},
    ),
    "mkv of uneven times": ("clip.mkv", {"stamps": [n * n for n in range(60)], "options": {"g": "10"}}),
    "avi, which has no times": ("clip.avi", {"codec": "mpeg4", "options": {"g": "10", "b": "2000000"}}),
    "transport stream": ("clip.ts", {"options": {"g": "10", "bf": "2"}}),
    "one group of pictures": ("clip.mp4", {"options": {"g": "250"}}),
}


@pytest.mark.parametrize("kind", CLIPS)
def test_footage_between_two_frames_gives_exactly_those_pictures(tmp_path: Path, kind: str) -> None:
    name, how = CLIPS[kind]
    path = make_clip(tmp_path / name, how.pop("stamps", range(60)), **how)  # type: ignore[attr-defined, arg-type]  # a table
    with Watched(VideoFile, uri=path) as clip:
        clip.source.footage.keep(3600)  # stages say so when the source is open already
        frames = list(clip)
        packets = clip.source.footage.since(0)
    assert [p.number for p in packets] == list(range(60))
    assert sorted(p.pts for p in packets) == pytest.approx([f.pts for f in frames], abs=1e-6)
    keys = [p.number for p in packets if p.keyframe]
    begin, end = (keys[1], keys[3]) if len(keys) > 3 else (0, 60)
    chosen = [p for p in packets[begin:end] if p.pts >= packets[begin].pts]
    span = [f for f in frames if chosen[0].pts - 1e-6 <= f.pts <= max(p.pts for p in chosen) + 1e-6]
    assert shown(chosen) == seen(span)
    assert len(span) == len(chosen)


def test_thinned_frames_and_those_left_out_are_all_in_the_footage(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", range(50), options={"g": "10"})
    with Watched(VideoFile, uri=path, fps=5) as clip:
        clip.source.footage.keep(3600)
        assert len(list(clip)) == 10
        assert len(clip.source.footage.since(0)) == 50


def test_footage_of_a_file_that_begins_later_leads_up_to_its_first_frame(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", range(50), options={"g": "20", "bf": "0", "sc_threshold": "0"})
    with Watched(VideoFile, uri=path, start=1.0) as clip:
        clip.source.footage.keep(3600)
        frames = list(clip)
        packets = clip.source.footage.since(0)
    assert packets[0].keyframe
    assert packets[0].pts == pytest.approx(-5 / 25)
    assert [p.pts for p in packets if p.pts > -1e-6] == pytest.approx([f.pts for f in frames])


def test_a_loop_is_a_segment_in_the_footage_too(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", range(10), options={"g": "5", "bf": "0"})
    with Watched(VideoFile, uri=path, loop=True) as clip:
        clip.source.footage.keep(3600)
        frames = clip.take(25)
        packets = clip.source.footage.since(0)
    places = [(p.segment, round(p.pts, 6)) for p in packets]
    assert places[:25] == [(f.segment, round(f.pts, 6)) for f in frames]


def test_nothing_is_kept_where_nobody_wants_it(tmp_path: Path) -> None:
    with Watched(VideoFile, uri=make_clip(tmp_path / "clip.mp4", range(10))) as clip:
        assert len(list(clip)) == 10
        assert clip.source.footage.since(0) == []


def test_a_camera_over_several_connections() -> None:
    with RtspServer(fps=50) as camera, Watched(NetworkStream, uri=camera.url) as stream:
        stream.source.footage.keep(60)
        frames = stream.take(30)
        camera.drop()
        frames += stream.take(40)
        packets = stream.source.footage.since(0)
    assert frames[-1].segment == 1
    places = {(p.segment, round(p.pts, 6)) for p in packets}
    assert {(f.segment, round(f.pts, 6)) for f in frames} <= places
    assert packets[0].codec.name == "h264"
    assert (packets[0].codec.width, packets[0].codec.height) == (160, 120)
    firsts = [next(p for p in packets if p.segment == s) for s in (0, 1)]
    assert all(p.keyframe for p in firsts)


def test_motion_jpeg_placed_by_its_arrival(tmp_path: Path) -> None:
    with web_server(tmp_path) as host, Watched(NetworkStream, uri=f"http://{host}/mjpeg") as stream:
        stream.source.footage.keep(60)
        frames = stream.take(10)
        packets = stream.source.footage.since(0)
    assert {round(f.pts, 6) for f in frames} <= {round(p.pts, 6) for p in packets}
    picture = av.CodecContext.create(packets[3].codec.name, "r").decode(av.Packet(packets[3].data))[0]
    assert isinstance(picture, av.VideoFrame)
    expected = next(f for f in frames if round(f.pts, 6) == round(packets[3].pts, 6))
    assert np.abs(picture.to_ndarray(format="bgr24").astype(int) - expected.pixels).max() <= 2


def test_a_transport_stream_decoded_again_shows_the_same(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.ts", range(50), options={"g": "10", "bf": "2"})
    with (
        byte_server(clip.read_bytes(), seconds=1.0) as host,
        Watched(NetworkStream, uri=f"tcp://{host}", reconnect=False) as stream,
    ):
        stream.source.footage.keep(60)
        frames = list(stream)
        packets = stream.source.footage.since(0)
    assert shown(packets) == seen(frames)
    assert len(frames) == 50
