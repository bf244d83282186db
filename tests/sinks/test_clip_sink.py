"""Clips against the films they are cut from: picture by picture, and time by time."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from tests.support.clips import number_of, numbered
from tests.support.one_stage import problems
from vidstream.errors import ParamError
from vidstream.graph.footage import Codec, EncodedPacket, Footage
from vidstream.graph.params import make_params
from vidstream.sinks.bitstream import units
from vidstream.sinks.clip import ClipSink
from vidstream.sinks.mp4 import open_new
from vidstream.types import Event, Events, FrameInfo, Gap, SourceStatus, StreamInfo, Tracks, View

Make = Callable[..., Any]

#: 2026-11-20 10:00:00 UTC
WALL = 1795168800.0
SIZE = (64, 48)


def picture(index: int) -> View:
    """A picture that tells its index."""
    return View(numbered(index, SIZE))


def film(path: Path) -> list[tuple[float, int]]:
    """(time, index) of each picture of a clip."""
    with av.open(str(path)) as container:
        return [(float(f.time), number_of(f.to_ndarray(format="bgr24"))) for f in container.decode(video=0)]


def encoded(count: int, name: str, fps: float = 25.0, group: int = 25) -> list[EncodedPacket]:
    """What a camera sends: with B pictures, a keyframe every `group`; as a byte stream."""
    context: Any = av.CodecContext.create(name, "w")
    context.width, context.height, context.pix_fmt = *SIZE, "yuv420p"
    context.time_base, context.framerate = Fraction(1, 90000), Fraction(fps)
    context.options = {
        "preset": "ultrafast",
        "bf": "2",
        "g": str(group),
        "x264-params": f"keyint={group}:min-keyint={group}:scenecut=0:bframes=2:log-level=none",
        "x265-params": f"keyint={group}:min-keyint={group}:scenecut=0:bframes=2:log-level=none:pools=1",
    }
    packets: list[Any] = []
    for i in range(count):
        frame = av.VideoFrame.from_ndarray(picture(i).pixels, format="bgr24").reformat(format="yuv420p")
        frame.pts, frame.time_base = round(i / fps * 90000), Fraction(1, 90000)
        packets += context.encode(frame)
    packets += context.encode(None)
    codec = Codec({"libx264": "h264", "libx265": "hevc"}[name], *SIZE, Fraction(1, 90000))
    return [
        EncodedPacket(codec, 0, p.pts / 90000, p.dts / 90000, 1 / fps, p.is_keyframe, bytes(p), p.dts / 90000)
        for p in packets
    ]


class Camera:
    """Feeds a clip sink as the engine does: a frame's packets come before the frame."""

    def __init__(self, sink: Any, footage: Footage, packets: list[EncodedPacket], stream: StreamInfo) -> None:
        self.sink, self.footage, self.packets, self.stream = sink, footage, list(packets), stream
        self.fps = stream.fps or 25.0
        self.told: list[Event] = []

    def run(self, first: int, last: int, events: dict[int, str] | None = None, **more: Any) -> None:
        """Frames `first` to `last`, and what happens on them: kinds by frame."""
        for i in range(first, last):
            frame = FrameInfo("gate", 0, i, i / self.fps, WALL + i / self.fps, i / self.fps, *SIZE)
            self.feed(i)
            kind = (events or {}).get(i)
            happened = Events((Event(kind, "gate", i, frame.pts, frame.wall, name="door"),) if kind else ())
            self.told += self.sink.process(picture(i), frame, (happened,), **more)

    def feed(self, index: int) -> None:
        """The packets that arrive until this frame is there."""
        while self.packets and self.packets[0].dts <= index / self.fps:
            self.footage.put(self.packets.pop(0))

    def end(self) -> list[Event]:
        """All that was told, when the stream has ended."""
        while self.packets:
            self.footage.put(self.packets.pop(0))
        self.told += self.sink.flush() or ()
        return self.told


@pytest.fixture
def camera(make: Make, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Camera]:
    """``camera(packets, before=1)`` -> a camera that sends these, wired to a clip sink."""

    def build(packets: list[EncodedPacket], **options: Any) -> Camera:
        footage = Footage()
        monkeypatch.setattr(ClipSink, "footage", footage)  # as the engine sets it, before `open`
        live, fps = options.pop("live", False), options.pop("fps", 25.0)
        stream = StreamInfo("gate", *SIZE, fps=fps, live=live)
        sink = make(ClipSink, stream=stream, **{"path": "gate.mp4", **options})
        return Camera(sink, footage, packets, stream)

    return build


def with_lengths(data: bytes) -> Iterator[bytes]:
    """The units of a picture in an MP4 file."""
    while data:
        (length,) = struct.unpack(">I", data[:4])
        yield data[4 : 4 + length]
        data = data[4 + length :]


def clips(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.mp4"))


def wait(what: Callable[[], Any], seconds: float = 30.0) -> Any:
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)
    return found


# -- what a clip covers --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["libx264", "libx265"], ids=["H.264", "HEVC"])
def test_a_clip_is_the_cameras_own_film(camera: Any, tmp_path: Path, name: str) -> None:
    """From the keyframe before the pre-roll to the end of the post-roll, with B pictures, times exact."""
    packets = encoded(200, name)
    sent = {unit for p in packets for unit in units(p.data)}
    gate = camera(packets, before=1, after=1)
    gate.run(0, 200, {90: "line_crossed"})
    (saved,) = gate.end()
    (path,) = clips(tmp_path)
    assert path.name == "gate-20261120T100002Z.mp4"
    rows = film(path)
    # 2.6 s is the pre-roll's begin, 2 s the keyframe before it; 4.6 s is the end
    assert [index for _, index in rows] == list(range(50, 50 + len(rows)))
    assert 115 <= rows[-1][1] <= 118, "up to 4.6 s, and what hangs together with that"
    assert [t for t, _ in rows] == pytest.approx([i * 0.04 for i in range(len(rows))], abs=1e-9)
    assert sum(1 for _ in iter(cv2.VideoCapture(str(path)).grab, False)) == len(rows)
    assert saved.kind == "clip_saved"
    assert saved.data["clip"] == path.name
    assert saved.data["begin"] == 2.0
    with av.open(str(path)) as container:
        copied = {unit for p in container.demux(video=0) for unit in with_lengths(bytes(p))}
    assert len(copied) > 60
    assert copied <= sent, "nothing is encoded anew"
    assert {"libx264": b"avc1", "libx265": b"hvc1"}[name] in path.read_bytes()[:2000], "as players want it"


def test_clips_that_would_overlap_become_one(camera: Any, tmp_path: Path) -> None:
    gate = camera(encoded(250, "libx264"), before=1, after=1)
    gate.run(0, 250, {50: "a", 60: "b", 95: "c", 200: "d"})
    told = gate.end()
    assert [(e.data["events"], e.name) for e in told] == [(3, "door"), (1, "door")]
    first, second = [[i for _, i in film(path)] for path in clips(tmp_path)]
    assert (first[0], second[0]) == (25, 175)
    assert 120 <= first[-1] <= 124
    story = json.loads((tmp_path / "gate-20261120T100001Z.json").read_text())
    assert [e["kind"] for e in story["events"]] == ["a", "b", "c"]
    assert (story["begin"], story["count"], story["wall"]) == (1.0, 3, "2026-11-20T10:00:01.000Z")


def test_a_clip_ends_after_its_longest(camera: Any, tmp_path: Path) -> None:
    """Something happens all the time: clips of 3 s, one after the other, and none is without its event."""
    gate = camera(encoded(250, "libx264"), before=1, after=1, longest=3)
    gate.run(0, 250, dict.fromkeys(range(30, 250), "motion"))
    told = gate.end()
    assert sum(e.data["events"] for e in told) == 220
    lengths = [e.data["end"] - e.data["begin"] for e in told]
    assert len(lengths) >= 3
    assert max(lengths) <= 3 + 1.0 + 0.2, "the longest, and up to a keyframe"


def test_only_the_kinds_asked_for(camera: Any, tmp_path: Path) -> None:
    gate = camera(encoded(200, "libx264"), before=0, after=0.5, on=["alert"])
    gate.run(0, 200, {50: "line_crossed", 120: "alert"})
    (saved,) = gate.end()
    assert saved.data["kind"] == "alert"
    assert len(clips(tmp_path)) == 1


def test_an_event_at_once_and_one_at_the_end(camera: Any, tmp_path: Path) -> None:
    """There is nothing before the first picture, and nothing after the last."""
    gate = camera(encoded(100, "libx264"), before=2, after=2)
    gate.run(0, 100, {0: "a", 99: "b"})
    assert len(gate.end()) == 1, "they overlap: 2 s to 2 s"
    gate = camera(encoded(125, "libx264"), before=1, after=1)
    gate.run(0, 125, {0: "a", 124: "b"})
    assert [(e.data["begin"], e.data["end"]) for e in gate.end()] == [
        (0.0, pytest.approx(1.04, abs=0.13)),
        (3.0, 5.0),
    ]


def test_a_clip_ends_where_the_camera_breaks_off(camera: Any, tmp_path: Path) -> None:
    packets = encoded(100, "libx264")
    gate = camera(packets, before=1, after=3)
    gate.run(0, 60, {50: "a"})
    gate.packets.clear()
    gate.sink.on_gap(Gap("reconnect", gate.stream, seconds=5.0))
    rows = film(clips(tmp_path)[0])
    assert rows[0][1] == 25
    assert 59 <= rows[-1][1] <= 62


def test_a_new_coding_ends_a_clip(camera: Any, tmp_path: Path) -> None:
    """A camera that changes from H.264 to HEVC while something happens: two films, both play."""
    before, after = encoded(100, "libx264"), encoded(200, "libx265")
    gate = camera([p for p in before if p.pts < 4] + [p for p in after if p.pts >= 4], before=1, after=2)
    gate.run(0, 200, {80: "a", 130: "b", 150: "c"})
    gate.end()
    for path in clips(tmp_path):
        assert len(film(path)) > 20


def test_footage_with_a_hole_goes_on_with_a_keyframe(camera: Any, tmp_path: Path) -> None:
    """The graph stood still for so long that packets are gone: said once, and nothing damaged is shown."""
    gate = camera(encoded(250, "libx264"), before=1, after=8, longest=20)
    gate.run(0, 60, {50: "a"})
    gate.footage._most_bytes = 1  # forgets all it can, at the next packets
    gate.feed(160)
    gate.footage._most_bytes = 1 << 20
    gate.run(160, 250)
    gate.end()
    rows = film(clips(tmp_path)[0])
    indices = [i for _, i in rows]
    jump = int(np.argmax(np.diff(indices))) + 1
    assert indices[jump] % 25 == 0, "a keyframe"
    assert rows[jump][0] - rows[jump - 1][0] == pytest.approx((indices[jump] - indices[jump - 1]) * 0.04)
    assert [kind for kind, _ in gate.sink.notices] == ["footage-missing"]


def test_a_real_film(camera: Any, tmp_path: Path, assets: Callable[[str], Path]) -> None:
    """From an MP4 file, whose pictures come with lengths: each picture is that of the film, at its time."""
    packets: list[EncodedPacket] = []
    pictures: dict[float, Any] = {}
    with av.open(str(assets("video/face_single.mp4"))) as container:
        stream: Any = container.streams.video[0]
        context = stream.codec_context
        base, data = stream.time_base, bytes(context.extradata or b"")
        codec = Codec("h264", context.width, context.height, base, data)
        p: Any
        for p in container.demux(stream):
            if p.size:
                pts, dts = float(p.pts * base), float(p.dts * base)
                packets.append(EncodedPacket(codec, 0, pts, dts, 1 / 30, p.is_keyframe, bytes(p), dts))
            pictures |= {round(float(f.time), 6): f.to_ndarray(format="gray") for f in p.decode()}
    gate = camera(packets, fps=30.0, before=1, after=0.5)
    gate.run(0, 72, {40: "a"})
    (saved,) = gate.end()
    with av.open(str(clips(tmp_path)[0])) as container:
        read = {round(float(f.time), 6): f.to_ndarray(format="gray") for f in container.decode(video=0)}
    assert len(read) >= 45
    for t, pixels in read.items():
        assert (pixels == pictures[round(t + saved.data["begin"], 6)]).all()


def test_equal_input_gives_equal_bytes(camera: Any, make: Make, tmp_path: Path) -> None:
    written = []
    for run in range(2):
        gate = camera(encoded(150, "libx264"), path=f"{run}/gate.mp4", before=1, after=1)
        gate.run(0, 150, {60: "a"})
        gate.end()
        files = sorted((tmp_path / str(run)).iterdir())
        assert [f.suffix for f in files] == [".jpg", ".json", ".mp4"]
        written.append([f.read_bytes().replace(b'"0/', b'"1/') for f in files])
    assert written[0] == written[1]


# -- sources that send nothing that can be copied ------------------------------------------------------


@pytest.mark.parametrize("coding", [None, "mjpeg"], ids=["a webcam", "a camera with MJPEG"])
def test_pictures_are_encoded_where_nothing_can_be_copied(
    camera: Any, tmp_path: Path, coding: str | None
) -> None:
    junk = Codec("mjpeg", *SIZE, Fraction(1, 90000))
    packets = [EncodedPacket(junk, 0, i / 25, i / 25, 0.04, True, b"\xff\xd8", i / 25) for i in range(150)]
    gate = camera(packets if coding else [], before=1, after=1)
    gate.run(0, 150, {60: "a"})
    (saved,) = gate.end()
    rows = film(clips(tmp_path)[0])
    assert [i for _, i in rows] == list(range(25, 86))
    assert [t for t, _ in rows] == pytest.approx([i * 0.04 for i in range(61)], abs=1e-4)
    assert (saved.data["begin"], saved.data["end"]) == (1.0, 3.44)


# -- the best moment -----------------------------------------------------------------------------------


def scene(box: tuple[float, float, float, float], blur: float = 0.0) -> View:
    """A textured square on gray."""
    pixels = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
    x1, y1, x2, y2 = (int(v) for v in box)
    texture = np.random.default_rng(0).integers(0, 255, (y2 - y1, x2 - x1, 1), np.uint8).repeat(3, axis=2)
    pixels[y1:y2, x1:x2] = cv2.GaussianBlur(texture, (0, 0), blur) if blur else texture
    return View(pixels)


@pytest.mark.parametrize(
    ("moments", "best"),
    [
        pytest.param([(20, 10, 30, 20), (20, 10, 40, 30), (20, 10, 35, 25)], 1, id="the biggest"),
        pytest.param([(0, 0, 40, 40), (20, 10, 44, 34), (30, 10, 64, 48)], 1, id="not cut by the edge"),
        pytest.param([(0, 0, 60, 48), (20, 10, 24, 14)], 0, id="cut, but the other is tiny"),
    ],
)
def test_the_best_moment(camera: Any, tmp_path: Path, moments: list[Any], best: int) -> None:
    assert snapshot(camera, tmp_path, [(box, 0.0) for box in moments]) == best


def test_the_sharpest_of_equal_size(camera: Any, tmp_path: Path) -> None:
    box = (20, 10, 40, 30)
    assert snapshot(camera, tmp_path, [(box, 5.0), (box, 0.0), (box, 2.0)]) == 1


def snapshot(camera: Any, tmp_path: Path, moments: list[Any]) -> int:
    """Which of these moments the snapshot shows; another object, bigger by far, is not meant."""
    gate = camera([], before=1, after=1)
    for i, (box, blur) in enumerate(moments):
        frame = FrameInfo("gate", 0, i, i * 0.2, None, i * 0.2, *SIZE)
        tracks = Tracks.of([box, (2, 2, 60, 46)], track_ids=[7, 8], class_ids=0)
        events = Events((Event("a", "gate", i, i * 0.2, track_id=7),) if i == 1 else ())
        gate.sink.process(scene(box, blur), frame, (events,), objects=tracks)
    (saved,) = gate.end()
    story = json.loads((tmp_path / saved.data["details"]).read_text())
    index: int = round(story["best"]["pts"] * 5)
    shown = cv2.imread(str(tmp_path / saved.data["snapshot"]))
    assert shown is not None
    likeness = [cv2.PSNR(shown, scene(box, blur).pixels) for box, blur in moments]
    assert int(np.argmax(likeness)) == index
    assert story["best"]["id"] == 7
    assert story["best"]["box"] == list(moments[index][0])
    return index


def test_without_objects_the_event_itself_is_shown(camera: Any, tmp_path: Path) -> None:
    gate = camera(encoded(150, "libx264"), before=1, after=1)
    gate.run(0, 150, {60: "a", 70: "b"})
    (saved,) = gate.end()
    assert json.loads((tmp_path / saved.data["details"]).read_text())["best"]["pts"] == 2.4


def test_no_snapshot_where_none_is_wanted(camera: Any, tmp_path: Path) -> None:
    gate = camera(encoded(150, "libx264"), before=1, after=1, snapshot=False)
    gate.run(0, 150, {60: "a"})
    (saved,) = gate.end()
    assert "snapshot" not in saved.data
    assert not list(tmp_path.glob("*.jpg"))


# -- cameras: a thread of their own, and disks that fail -----------------------------------------------


def test_a_cameras_clip_is_told_when_it_is_complete(camera: Any, tmp_path: Path) -> None:
    gate = camera(encoded(250, "libx264"), before=1, after=1, live=True)
    gate.run(0, 112, {60: "a"})
    wait(lambda: gate.told or list(tmp_path.glob("*.json")))
    wait(lambda: gate.told or gate.run(200, 201) or gate.told)
    assert [(e.kind, e.data["kind"]) for e in gate.told] == [("clip_saved", "a")]


def test_a_camera_that_has_gone_completes_its_clip(
    camera: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidstream.sinks.clip._LONG_AWAY", 0.2)
    gate = camera(encoded(100, "libx264"), before=1, after=20, longest=30, live=True)
    gate.run(0, 60, {50: "a"})
    gate.sink.on_status(SourceStatus("gate", "lost", "gone", 0.0, 0.0))
    wait(lambda: list(tmp_path.glob("*.json")))
    assert len(film(clips(tmp_path)[0])) > 30


def test_a_full_disk_costs_a_clip_and_not_the_next(
    camera: Any, tmp_path: Path, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(100)
    filler = disk / "filler"
    filler.write_bytes(bytes(98_000))
    gate = camera(encoded(250, "libx264"), path="disk/gate.mp4", before=1, after=1, live=True)
    gate.run(0, 120, {60: "a"})
    wait(lambda: "disk-full" in [kind for kind, _ in gate.sink.notices])
    filler.unlink()
    gate.run(120, 250, {180: "b"})
    (saved,) = gate.end()
    assert saved.data["kind"] == "b"
    assert [kind for kind, _ in gate.sink.notices] == ["disk-full", "disk-back"]
    assert all(film(path) for path in clips(disk))


def test_a_hung_disk_holds_no_frame_up(camera: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()

    def hang(path: Path) -> Any:
        go.wait()
        return open_new(path)

    monkeypatch.setattr("vidstream.sinks.segments.open_new", hang)
    gate = camera(encoded(250, "libx264"), before=1, after=1, live=True)
    gate.run(0, 250, {60: "a", 180: "b"})  # would never return
    go.set()
    assert [e.data["kind"] for e in gate.end()] == ["a", "b"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"longest": 5, "before": 5, "after": 5}, "longest", id="longest is too short"),
        pytest.param({"before": "2m"}, "before", id="more than can be kept"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ParamError, match=words):
        make_params(ClipSink.Params, {"path": "a.mp4", **options}, "clip")


def test_a_name_without_a_film() -> None:
    assert "does not end in .mp4" in "".join(problems(ClipSink, path="a.jpg"))
    assert [p.what for p in ClipSink.check_inputs(None, ("image",))] == [
        "waits for events, which no earlier stage gives"
    ]
