"""Where sinks may write, and what they say where they cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vidstream.errors import SinkError
from vidstream.graph.params import make_params
from vidstream.sinks.base import output_path, write_whole
from vidstream.sinks.csv import CsvSink
from vidstream.sinks.images import ImageSink, PosterSink
from vidstream.sinks.jsonl import JsonLinesSink
from vidstream.sinks.lines import LineFile
from vidstream.sinks.mot import MotSink
from vidstream.sinks.video import VideoSink
from vidstream.types import StreamInfo

ALL = {
    VideoSink: "a.mp4",
    JsonLinesSink: "a.jsonl",
    CsvSink: "a.csv",
    MotSink: "a.txt",
    PosterSink: "a.jpg",
    ImageSink: "a.jpg",
}
every_sink = pytest.mark.parametrize(("cls", "name"), ALL.items(), ids=[c.__name__ for c in ALL])


@pytest.mark.parametrize(
    ("path", "found"),
    [
        pytest.param("gate.mp4", "gate.mp4", id="a plain name"),
        pytest.param("a/b/gate.mp4", "a/b/gate.mp4", id="folders that do not exist yet"),
        pytest.param("a/../gate.mp4", "gate.mp4", id="up and down again stays inside"),
        pytest.param("{root}/gate.mp4", "gate.mp4", id="an absolute path inside"),
        pytest.param("inner/gate.mp4", "real/gate.mp4", id="a link that stays inside"),
    ],
)
def test_a_path_inside_the_root(tmp_path: Path, path: str, found: str) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "inner").symlink_to(tmp_path / "real")
    assert output_path(tmp_path, Path(path.format(root=tmp_path))) == (tmp_path / found).resolve()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        pytest.param("../gate.mp4", "outside", id="one up"),
        pytest.param("a/../../gate.mp4", "outside", id="up behind a folder"),
        pytest.param("/etc/gate.mp4", "outside", id="an absolute path elsewhere"),
        pytest.param("{root}-2/gate.mp4", "outside", id="a neighbour whose name begins alike"),
        pytest.param("away/gate.mp4", "outside", id="a folder that is a link to elsewhere"),
        pytest.param("file-away", "outside", id="a file that is a link to elsewhere"),
        pytest.param("circle/a", "lead in a circle", id="links in a circle"),
        pytest.param("folder", "not a regular file", id="an existing folder"),
        pytest.param("pipe", "not a regular file", id="a pipe, which would block for ever"),
    ],
)
def test_a_path_that_must_not_be_written(tmp_path: Path, path: str, says: str) -> None:
    import os

    root = tmp_path / "out"
    (root / "folder").mkdir(parents=True)
    (root / "away").symlink_to(tmp_path)
    (root / "file-away").symlink_to(tmp_path / "victim")
    (root / "circle").symlink_to(root / "circle")
    os.mkfifo(root / "pipe")
    with pytest.raises(SinkError, match=says):
        output_path(root, Path(path.format(root=root)))


@every_sink
@pytest.mark.parametrize(
    ("path", "says"),
    [
        pytest.param("../{}", "leads out of the output folder", id="out of the root"),
        pytest.param(".", "is a folder", id="no file name"),
    ],
)
def test_check_tells_before_anything_opens(cls: Any, name: str, path: str, says: str) -> None:
    problems = list(cls.check(make_params(cls.Params, {"path": path.format(name)}, "")))
    assert [says in str(p) for p in problems] == [True]
    assert problems[0].path == ("path",)
    assert problems[0].fix


@every_sink
def test_check_has_nothing_to_say_of_a_good_path(cls: Any, name: str) -> None:
    assert list(cls.check(make_params(cls.Params, {"path": f"deep/er/{name}"}, ""))) == []


@pytest.mark.parametrize(
    ("cls", "name", "says"),
    [
        pytest.param(
            VideoSink, "a.avi", "does not end in .mp4 or .m4v", id="a video format that is not written"
        ),
        pytest.param(VideoSink, "a", "does not end in", id="no ending"),
        pytest.param(PosterSink, "a.gif", ".jpg or .jpeg or .png", id="a picture format that is not written"),
        pytest.param(ImageSink, "{sorce}.jpg", "did you mean 'source'?", id="a misspelt field"),
        pytest.param(
            ImageSink, "{source.__class__}.jpg", "unknown field", id="a field that reaches into Python"
        ),
    ],
)
def test_check_knows_the_formats(cls: Any, name: str, says: str) -> None:
    (problem,) = cls.check(make_params(cls.Params, {"path": name}, ""))
    assert says in str(problem)


@every_sink
def test_folders_are_made(make: Callable[..., Any], tmp_path: Path, cls: Any, name: str) -> None:
    make(cls, path=f"one/two/{name}")
    assert (tmp_path / "one" / "two").is_dir()


@every_sink
@pytest.mark.parametrize(
    ("path", "says"),
    [
        pytest.param("/elsewhere/{}", "--out DIR", id="outside the root"),
        pytest.param("taken/{}", "a part of its path is a file", id="a file where a folder should be"),
        pytest.param("n" * 300 + "{}", "name is too long", id="a name too long for the disk"),
    ],
)
def test_one_error_says_where_what_and_what_to_do(
    make: Callable[..., Any], tmp_path: Path, cls: Any, name: str, path: str, says: str
) -> None:
    (tmp_path / "taken").write_text("a file")
    given = path.format(name)
    with pytest.raises(SinkError) as caught:
        make(cls, path=given)
    assert says in str(caught.value)
    assert Path(given).name in caught.value.where or "taken" in caught.value.where
    assert caught.value.fix


@every_sink
def test_a_folder_one_may_not_write_to(make: Callable[..., Any], cls: Any, name: str) -> None:
    root = Path("/sys/vidstream")  # not even root may make a folder there
    if not root.parent.is_mount():
        pytest.skip("needs Linux's /sys")
    with pytest.raises(SinkError, match="no permission|read-only"):
        make(cls, root=root, path=f"deep/{name}")


def test_the_recording_being_read_is_never_overwritten(make: Callable[..., Any], tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"precious")
    with pytest.raises(SinkError, match="is the recording being read"):
        make(VideoSink, path="clip.mp4", stream=StreamInfo("gate", 64, 48, uri=str(clip)))
    assert clip.read_bytes() == b"precious"


def test_a_full_disk_leaves_whole_lines_and_writing_can_go_on(
    tmp_path: Path, file_limit: Callable[..., Any]
) -> None:
    lines = LineFile(tmp_path / "a.txt", "log ('a.txt')")
    with file_limit(25):
        lines.write("0123456789\n")
        lines.write("0123456789\n")
        with pytest.raises(SinkError, match=r"log \('a.txt'\): cannot be written: .*; "):
            lines.write("0123456789\n")
    assert (tmp_path / "a.txt").read_text() == "0123456789\n" * 2
    lines.write("again\n")
    lines.close()
    assert (tmp_path / "a.txt").read_text() == "0123456789\n" * 2 + "again\n"


def test_a_real_full_disk_is_named(small_disk: Callable[[int], Path]) -> None:
    target = small_disk(64) / "a.txt"
    lines = LineFile(target, "log")
    with pytest.raises(
        SinkError, match="the disk is full; free some space, or choose another folder with --out"
    ):
        for _ in range(100):
            lines.write("x" * 1023 + "\n")
    lines.close()
    assert target.stat().st_size % 1024 == 0


def test_a_document_is_whole_or_the_old_one(tmp_path: Path, file_limit: Callable[..., Any]) -> None:
    target = tmp_path / "poster.png"
    write_whole(target, b"old")
    with file_limit(1000), pytest.raises(OSError, match="too large"):
        write_whole(target, b"x" * 5000)
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["poster.png"]
    write_whole(target, b"new")
    assert target.read_bytes() == b"new"
