"""`faces` from end to end: enrol from pictures and a video, verify, identify, calibrate, list, remove."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from vidstream.cli import main


@pytest.fixture(autouse=True)
def models(assets: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VIDSTREAM_MODELS", str(assets("weights")))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def faces(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run `faces ...`; gives the exit code, and what was said."""

    def run(*arguments: object) -> tuple[int, str]:
        code = main(["faces", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_known_people_are_named_and_strangers_are_not(assets, faces, tmp_path) -> None:
    people = tmp_path / "people"
    for name in ("obama", "biden"):
        (people / name).mkdir(parents=True)
        shutil.copy(assets(f"pictures/{name}.jpg"), people / name)
    (people / "biden" / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    shutil.copy(assets("pictures/dog.jpg"), people / "biden")
    code, said = faces("enrol", "--from", people)
    assert code == 0
    assert "obama.jpg: obama: added" in said
    assert "broken.jpg: biden: left out: has a header that makes no sense" in said
    assert "dog.jpg: biden: left out: no face" in said
    assert "people.faces: 2 faces added" in said

    code, said = faces("identify", assets("pictures/obama2.jpg"), "--top", "2")
    assert code == 0
    assert "obama2.jpg: obama at" in said
    assert "(obama 0.7" in said
    assert ", biden 0." in said
    said = faces("identify", assets("pictures/zidane.jpg"))[1]
    assert said.count("zidane.jpg: unknown at") == 2

    code, said = faces("list")
    assert code == 0
    assert said.startswith("model sface, calibrated: no\nbiden: 1 faces, since 20")
    assert faces("remove", "biden") == (0, "biden: 1 faces removed\n")
    with sqlite3.connect("people.faces") as db:
        assert db.execute("select name from people").fetchall() == [("obama",)]
    code, said = faces("remove", "biden")
    assert code == 2
    assert "nobody is called 'biden'" in said


@pytest.mark.parametrize(
    ("other", "code", "verdict"),
    [
        pytest.param("obama2", 0, "the same person: similarity 0.7", id="one man twice"),
        pytest.param("biden", 1, "different people: similarity 0.1", id="two men", marks=pytest.mark.slow),
        pytest.param("zidane", 2, "2 faces: which of them is meant?", id="more than one face"),
    ],
)
def test_two_pictures_are_compared(assets, faces, other, code, verdict) -> None:
    pictures = (assets(f"pictures/{name}.jpg") for name in ("obama", other))
    got, said = faces("verify", *pictures)
    assert got == code
    assert verdict in said


@pytest.mark.slow
def test_a_threshold_of_one_s_own_decides(assets, faces) -> None:
    pictures = [assets(f"pictures/{name}.jpg") for name in ("obama", "obama2")]
    assert faces("verify", *pictures, "--threshold", "0.9")[0] == 1


@pytest.mark.slow
def test_from_a_video_and_calibrated(assets, faces, tmp_path) -> None:
    """Faces of two people from two clips, each different from those before; then the line between them."""
    for name in ("talking", "single"):
        code, said = faces("enrol", name, "--source", assets(f"video/face_{name}.mp4"), "--max", "4")
        assert code == 0
        assert " s: " in said
    code, said = faces("calibrate", "--far", "0.01", "--roc", tmp_path / "roc.csv")
    assert code == 0
    assert "equal error rate 0.00%, area under the curve 1.0000" in said
    lines = (tmp_path / "roc.csv").read_text().splitlines()
    assert lines[0] == "threshold,false_accepts,true_accepts"
    assert lines[-1].endswith(",1.000000,1.000000")
    assert "'equal_error': 0.0" in faces("list")[1]


@pytest.mark.slow
def test_a_config_names_faces(assets, faces, tmp_path) -> None:
    """The graph of docs/faces.md on a clip of somebody enrolled from some of its frames."""
    faces("enrol", "talker", "--from", assets("video/face_talking.mp4"), "--max", "3")
    page = (Path(__file__).resolve().parents[2] / "docs" / "faces.md").read_text("utf-8")
    config = tmp_path / "who.yaml"
    config.write_text(page.partition("```yaml\n")[2].partition("```")[0])
    arguments = ["--source", f"door={assets('video/face_talking.mp4')}", "--frames", "60", "--quiet"]
    assert main(["run", str(config), *arguments, "--out", str(tmp_path / "out")]) == 0
    log = (tmp_path / "out" / "door.jsonl").read_text()
    assert log.count('"kind":"face_recognised"') == 1
    assert log.count('"name":"talker","similarity"') > 40


def test_faces_are_found_followed_and_hidden_by_a_config(assets, tmp_path) -> None:
    config = Path(__file__).resolve().parents[2] / "configs" / "faces.yaml"
    arguments = ["--source", f"door={assets('video/face_single.mp4')}", "--frames", "12", "--quiet"]
    assert main(["run", str(config), *arguments, "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "door_hidden.mp4").stat().st_size > 1000
    assert (tmp_path / "out" / "door.jsonl").read_text().count('"keypoints":[[') >= 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["list"], "gallery 'people.faces': no such file", id="no gallery"),
        pytest.param(["enrol", "--from", "."], "holds no folder per person", id="whose faces?"),
        pytest.param(["enrol", "Ada", "--from", "none.jpg"], "cannot be read: No such file", id="no picture"),
        pytest.param(["calibrate"], "make one: python run.py faces enrol", id="nothing to calibrate"),
        pytest.param(
            ["enrol", "A", "--from", "x", "--model", "yunet"], "is for another task: face", id="a detector"
        ),
    ],
)
def test_what_is_wrong_is_said(faces, arguments, message) -> None:
    code, said = faces(*arguments)
    assert code in (1, 2)
    assert message in said


def test_without_an_action_it_says_what_it_can_do(faces) -> None:
    code, said = faces()
    assert code == 2
    assert "enrol" in said
    assert "calibrate" in said
