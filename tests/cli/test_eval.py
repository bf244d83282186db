"""`eval track` as a user meets it: tables, files, comparisons, films, errors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from trackers.evaluation import MEASURES
from vidstream.cli import main
from vidstream.sinks.mp4 import Mp4Writer


@pytest.fixture
def campus(assets: Callable[[str], Path]) -> Path:
    return assets("mot/TUD-Campus")


def test_scores_of_a_tracker(campus: Path, assets: Callable[[str], Path], tmp_path: Path, capsys) -> None:
    out, numbers = tmp_path / "out", tmp_path / "numbers.json"
    sequences = [str(campus), str(assets("mot/KITTI-17"))]
    options = ["--tracker", "sort", "--set", "n_init=2", "--out", str(out), "--json", str(numbers)]
    assert main(["eval", "track", *sequences, *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["sequence", *(measure.name for measure in MEASURES)]
    assert [line.split()[0] for line in lines[3:6]] == ["TUD-Campus", "KITTI-17", "all"]

    found = json.loads(numbers.read_text())
    assert set(found["sequences"]) == {"TUD-Campus", "KITTI-17"}
    assert 0.3 < found["combined"]["HOTA"] < 0.7
    assert f"{100 * found['combined']['HOTA']:.2f}" == lines[5].split()[2]
    misses = [found["sequences"][name]["combined"]["FN"] for name in found["sequences"]]
    assert found["combined"]["FN"] == sum(misses)
    errors = [json.loads(line) for line in (out / "errors.jsonl").read_text().splitlines()]
    assert sum(e["cost"] for e in errors if e["kind"] in ("gap", "miss")) == sum(misses)
    assert "| TUD-Campus | " in (out / "scores.md").read_text()

    # what it wrote scores the same
    capsys.readouterr()
    assert main(["eval", "track", *sequences, "--results", str(out)]) == 0
    again = capsys.readouterr().out.splitlines()
    assert again[2:6] == lines[2:6]


def test_kitti_by_class(assets: Callable[[str], Path], capsys) -> None:
    options = ["--tracker", "sort", "--min-score", "2", "--frames", "1-80"]
    assert main(["eval", "track", str(assets("mot/KITTI-T-0000")), *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[3:7]] == [
        "KITTI-T-0000",
        "all cars",
        "all pedestrians",
        "all together",
    ]


def test_a_folder_of_sequences_and_a_comparison(
    campus: Path, assets: Callable[[str], Path], tmp_path: Path, capsys
) -> None:
    for name in ("TUD-Campus", "KITTI-17"):
        shutil.copytree(assets(f"mot/{name}"), tmp_path / "all" / name)
    options = ["--tracker", "sort", "--against", "deepsort", "--json", str(tmp_path / "n.json")]
    assert main(["eval", "track", str(tmp_path / "all"), *options]) == 0
    printed = capsys.readouterr().out
    assert "sort against deepsort" in printed
    assert "(2 are too few to show anything)" in printed
    differences = json.loads((tmp_path / "n.json").read_text())["differences"]
    (hota,) = [d for d in differences if d["measure"] == "HOTA"]
    assert hota["value"] == pytest.approx(hota["second"] - hota["first"])
    assert hota["low"] <= hota["value"] <= hota["high"]
    assert hota["p"] >= 0.5, "two sequences show nothing"


def grey_film(path: Path, frames: int) -> None:
    writer = Mp4Writer(path, (640, 480), rate=25, preset="ultrafast", quality=30, place="film")
    for number in range(frames):
        writer.write(np.full((480, 640, 3), 90, np.uint8), number / 25)
    writer.close()


@pytest.mark.slow
def test_films_of_the_worst_errors(campus: Path, tmp_path: Path, capsys) -> None:
    film = tmp_path / "street.mp4"
    grey_film(film, 71)
    options = ["--tracker", "sort", "--clips", str(tmp_path / "clips"), "--worst", "1"]
    assert main(["eval", "track", str(campus), *options, "--video", f"TUD-Campus={film}"]) == 0
    clips = sorted((tmp_path / "clips").iterdir())
    assert len(clips) == 1
    printed = capsys.readouterr().out
    for clip in clips:
        assert str(clip) in printed
        with av.open(str(clip)) as container:
            assert container.streams.video[0].codec_context.name == "h264"
            pictures = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
        assert 25 <= len(pictures) <= 71
        assert pictures[0].shape == (720, 960, 3), "small pictures are enlarged"
        bright = [(picture.min(axis=2) > 220).sum() for picture in pictures]
        assert min(bright) > 300, "what is true is drawn in white in every frame"
        red = [((p[..., 2] > 170) & (p[..., 1] < 110) & (p[..., 0] < 110)).sum() for p in pictures]
        assert max(red) > 200, "what is wrong is marked in red"


CONFIG = """
source: "synthetic:people"
graph:
  move: {use: detect.motion, warm_up: 0}
  track: {use: track.sort, n_init: 1}
"""


def test_a_whole_graph_on_the_video(campus: Path, tmp_path: Path, capsys) -> None:
    """A film in which a white box moves exactly where the first annotated pedestrian walks."""
    sequence = tmp_path / "Box"
    shutil.copytree(campus, sequence)
    rows = [line.split(",") for line in (campus / "gt" / "gt.txt").read_text().splitlines()]
    rows = [row for row in rows if row[1] == "2"][:40]
    (sequence / "gt" / "gt.txt").write_text("\n".join(",".join(row) for row in rows) + "\n")
    writer = Mp4Writer(
        tmp_path / "box.mp4", (640, 480), rate=25, preset="ultrafast", quality=10, place="film"
    )
    for number in range(1, 72):
        picture = np.full((480, 640, 3), 20, np.uint8)
        for row in rows:
            if int(row[0]) == number:
                x, y, w, h = (int(float(value)) for value in row[2:6])
                picture[y : y + h, x : x + w] = 250
        writer.write(picture, number / 25)
    writer.close()
    (tmp_path / "job.yaml").write_text(CONFIG)
    options = ["--config", str(tmp_path / "job.yaml"), "--video", f"TUD-Campus={tmp_path / 'box.mp4'}"]
    assert main(["eval", "track", str(sequence), *options, "--json", str(tmp_path / "n.json")]) == 0
    scores = json.loads((tmp_path / "n.json").read_text())["combined"]
    assert scores["FN"] < 20, "the moving box is found and followed"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tracker", "srt"], "there is no tracker 'srt'; did you mean 'sort'?"),
        (["--tracker", "sort", "--set", "max_ag=1"], "sort.max_ag: unknown option; did you mean 'max_age'?"),
        (["--tracker", "sort", "--set", "max_age=-1"], "sort.max_age: expected a duration"),
        (["--tracker", "sort", "--set", "max_age"], "--set max_age; write KEY=VALUE"),
        (["--tracker", "sort", "--frames", "9-2"], "--frames: '9-2' names no frames"),
        (["--tracker", "sort", "--against", "deepsrt"], "--against: 'deepsrt' is no tracker"),
        (["--tracker", "sort", "--video", "TUD=x.mp4"], "write NAME=FILE; names are TUD-Campus"),
        (["--tracker", "sort", "--video", "TUD-Campus=no.mp4"], "'no.mp4' does not exist"),
        (["--results", "no-such-folder"], "TUD-Campus.txt: cannot be read: No such file"),
        (["--config", "no.yaml", "--video", "TUD-Campus=README.md"], "no.yaml"),
    ],
)
def test_what_does_not_make_sense(campus: Path, options: list[str], said: str, capsys) -> None:
    assert main(["eval", "track", str(campus), *options]) in (1, 2)
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert not shown.out


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (["/no/such"], "does not exist"),
        (["configs"], "no sequence is here"),
        (["{campus}", "{campus}"], "2 sequences"),
    ],
)
def test_sequences_that_are_none(paths: list[str], said: str, campus: Path, capsys) -> None:
    assert main(["eval", "track", *(p.format(campus=campus) for p in paths), "--tracker", "sort"]) in (1, 2)
    assert said in capsys.readouterr().err


def test_the_wrong_video_is_noticed(campus: Path, tmp_path: Path, capsys) -> None:
    writer = Mp4Writer(tmp_path / "x.mp4", (320, 240), rate=25, preset="ultrafast", quality=30, place="film")
    writer.write(np.zeros((240, 320, 3), np.uint8), 0.0)
    writer.close()
    options = ["--clips", str(tmp_path / "clips"), "--video", f"TUD-Campus={tmp_path / 'x.mp4'}"]
    assert main(["eval", "track", str(campus), "--tracker", "sort", *options]) == 1
    assert "has pictures of 320x240, the sequence 640x480" in capsys.readouterr().err


def test_tracks_are_better_once_their_future_is_known(assets, tmp_path, capsys):
    place = str(assets("mot/TUD-Stadtmitte/seqinfo.ini").parent)
    scores = {}
    for name, more in (("plain", []), ("refined", ["--refine"])):
        assert main(["eval", "track", place, "--tracker", "sort", *more, "--json", str(tmp_path / name)]) == 0
        numbers = json.loads((tmp_path / name).read_text())
        scores[name] = numbers["combined"]["HOTA"]
    assert "sort, refined" in capsys.readouterr().out
    assert scores["refined"] > scores["plain"] + 0.02


def test_a_graph_refines_its_own_tracks(assets, capsys):
    place = str(assets("mot/TUD-Stadtmitte/seqinfo.ini").parent)
    assert main(["eval", "track", place, "--config", "configs/people.yaml", "--refine"]) == 2
    assert "refine: true" in capsys.readouterr().err
