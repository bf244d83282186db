"""The process that runs the Ultralytics package: with a stand-in everywhere, with the package where it is."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.dnn import ultralytics
from detectors.dnn.detector import DnnDetector, DnnParams
from detectors.dnn.engines.choose import check_engine
from detectors.dnn.network import Network, NetworkOption, load_model
from detectors.dnn.ultralytics import process
from detectors.dnn.ultralytics.engine import UltralyticsEngine
from detectors.dnn.ultralytics.process import PYTHON, Process
from vidstream.errors import MissingDependency, ModelError
from vidstream.types import View

FOLDER = Path(ultralytics.__file__).parent
STAND_IN = f"""
import os, sys, time
sys.path.insert(0, {str(FOLDER)!r})
import child
import numpy as np

class Worker:
    def open(self, header, arrays):
        print("loading", header["path"])  # as the package does: not to be taken for an answer
        size = header["size"] or [64, 96]
        return {{"device": "cpu", "task": "detect", "names": "{{0: 'cat', 1: 'dog'}}", "kpt_shape": "[]",
                "size": size, "shapes": [[1, 6, 126]]}}, []

    def run(self, header, arrays):
        out = np.zeros((1, 6, 126), np.float32)
        out[0, :, 0] = [48, 32, 20, 10, 0, arrays[0].mean()]
        return {{}}, [out]

    def pair(self, header, arrays):
        return {{}}, [arrays[0].mean(), np.arange(6, dtype=np.int64).reshape(2, 3)[:, ::-1]]

    def fail(self, header, arrays):
        raise ValueError("no such thing")

    def die(self, header, arrays):
        print("out of memory", file=sys.stderr)
        os._exit(3)

    def sleep(self, header, arrays):
        time.sleep(60)

    def pid(self, header, arrays):
        return {{"pid": os.getpid(), "folder": os.getcwd()}}, []

child.Worker = Worker
child.main()
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)
    monkeypatch.setattr(process, "_CHILD", script)
    monkeypatch.setenv(PYTHON, sys.executable)
    return script


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_arrays_go_there_and_come_back(stand_in):
    child = Process("model 'm'")
    about, _ = child.ask("open", path="x.pt", device="auto", threads=1, size=[])
    assert about["task"] == "detect"
    _, (first, second) = child.ask("pair", [np.full((1, 3, 640, 640), 0.25, np.float32)])
    assert first == 0.25
    np.testing.assert_array_equal(second, [[2, 1, 0], [5, 4, 3]])
    child.close()


def test_what_fails_there_is_told_here_and_it_goes_on(stand_in):
    child = Process("model 'm'")
    with pytest.raises(ModelError, match="model 'm': Ultralytics cannot fail it: ValueError: no such thing"):
        child.ask("fail")
    assert child.ask("pid")[0]["pid"]
    child.close()


def test_its_death_is_told_with_its_last_words(stand_in):
    child = Process("model 'm'")
    with pytest.raises(ModelError, match=r"process ended \(code 3\): out of memory; set on_error: restart"):
        child.ask("die")
    with pytest.raises(ModelError, match="process ended"):  # not for ever: it says so again
        child.ask("pid")
    child.close()


def test_one_that_hangs_is_ended(stand_in, monkeypatch):
    monkeypatch.setattr(process, "_USUAL_PATIENCE", 0.3)
    child = Process("model 'm'")
    child.ask("open", path="x.pt", device="auto", threads=1, size=[])
    with pytest.raises(ModelError, match="process ended"):
        child.ask("sleep")
    child.close()


def test_it_ends_with_its_owner_and_leaves_nothing(stand_in):
    child = Process("model 'm'")
    told, _ = child.ask("pid")
    assert alive(told["pid"])
    assert Path(told["folder"]).is_dir()
    del child
    assert not alive(told["pid"])
    assert not Path(told["folder"]).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_it_ends_with_a_program_that_is_killed(stand_in, tmp_path):
    code = textwrap.dedent(
        """
        import os
        from pathlib import Path
        from detectors.dnn.ultralytics import process
        process._CHILD = Path(os.environ["STAND_IN"])
        child = process.Process("m")
        print(child.ask("pid")[0]["pid"], flush=True)
        os.kill(os.getpid(), 9)
        """
    )
    environment = {**os.environ, "STAND_IN": str(stand_in), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        cwd=FOLDER.parents[2],
        check=False,
    )
    pid = int(done.stdout)
    end = time.monotonic() + 5
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive(pid)


def test_the_engine_is_one_like_the_others(stand_in, tmp_path):
    (tmp_path / "mine.pt").write_bytes(b"weights")
    detector = DnnDetector(DnnParams(model=str(tmp_path / "mine.pt"), engine="ultralytics"))
    assert (detector.device, detector.card.family, dict(detector.names)) == (
        "cpu",
        "yolov8",
        {0: "cat", 1: "dog"},
    )
    found = detector.detect(View(np.full((64, 96, 3), 255, np.uint8)))
    np.testing.assert_allclose(found.boxes, [[38, 27, 58, 37]], atol=1e-4)
    assert found.name_of(0) == "dog"


@pytest.mark.parametrize(
    ("option", "words"),
    [
        pytest.param({"model": "./none.pt"}, "no such file", id="no file"),
        pytest.param({"model": "yolox-nano"}, r"runs \.pt and \.onnx files", id="a name of the catalogue"),
    ],
)
def test_what_it_cannot_run_is_told_before_it_is_started(option, words, monkeypatch):
    monkeypatch.setattr(process, "_CHILD", None)
    with pytest.raises(ModelError, match=words):
        Network(NetworkOption(**option, engine="ultralytics"), ["detect"])


def test_a_pt_file_is_run_only_where_that_is_asked_for(tmp_path):
    (tmp_path / "mine.pt").write_bytes(b"weights")
    with pytest.raises(ModelError, match="models export .*mine.pt; or set engine: ultralytics"):
        load_model(NetworkOption(model=str(tmp_path / "mine.pt")), ["detect"])


def test_a_package_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setenv(PYTHON, "/no/such/python")
    with pytest.raises(MissingDependency, match=f"{PYTHON} names /no/such/python, which is no program"):
        check_engine("ultralytics", "auto")
    monkeypatch.delenv(PYTHON)
    monkeypatch.setattr(process.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match="ultralytics is not installed; pip install"):
        check_engine("ultralytics", "auto")


def test_opencl_is_refused(tmp_path):
    with pytest.raises(ModelError, match="has no OpenCL"):
        UltralyticsEngine(tmp_path / "mine.pt", device="opencl")


# -- with the package ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def package() -> str:
    try:
        return process.python()
    except MissingDependency as error:
        pytest.skip(str(error))


@pytest.mark.slow
def test_the_package_gives_opencvs_boxes(package, assets, weights):
    view = View(cv2.imread(str(assets("pictures/bus.jpg"))))
    for file in ("yolov8n.onnx", "yolo11n-seg.onnx", "yolo11n-pose.onnx"):
        ours, theirs = (
            DnnDetector(DnnParams(model=str(weights / file), engine=engine, device="cpu")).detect(view)
            for engine in ("opencv", "ultralytics")
        )
        assert len(ours) >= 4
        np.testing.assert_allclose(theirs.boxes, ours.boxes, atol=0.01)
        np.testing.assert_allclose(theirs.scores, ours.scores, atol=1e-4)
        np.testing.assert_array_equal(theirs.class_ids, ours.class_ids)


class Villain:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (os.mkdir, (str(self.mark),))


@pytest.mark.slow
def test_a_program_in_a_pt_file_is_not_run(package, tmp_path):
    (tmp_path / "bad.pt").write_bytes(pickle.dumps({"model": Villain(tmp_path / "was here")}, protocol=2))
    with pytest.raises(ModelError, match="cannot open it"):
        UltralyticsEngine(tmp_path / "bad.pt")
    assert not (tmp_path / "was here").exists()


MAKE = """
import sys, torch
from ultralytics import YOLO
torch.manual_seed(0)
model = YOLO(sys.argv[1] + ".yaml")
for name, weights in model.model.named_parameters():
    if weights.ndim == 4:
        weights.data *= 2.0
    elif name.endswith("bias") and "bn" not in name:
        weights.data += 0.5 * torch.randn_like(weights)
model.save(sys.argv[2])
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["yolov8n", "yolo11n-seg", "yolo11n-pose"])
def test_an_exported_model_gives_the_packages_boxes_and_is_in_the_catalogue(package, tmp_path, kind, capsys):
    """Weights by chance, so that nothing has to be fetched; spread so that the picture matters."""
    from detectors import catalogue
    from vidstream.cli.main import main

    file = tmp_path / "mine.pt"
    offline = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "YOLO_CONFIG_DIR": str(tmp_path)}
    command = [package, "-c", MAKE, kind, str(file)]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, env={**os.environ, **offline})
    assert main(["models", "export", str(file), "--imgsz", "160", "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert told.count("surest boxes differ from the package's by at most") >= 2
    card, data = catalogue.load("mine", tmp_path / "out")
    assert (card.terms, card.input.width, len(data)) == ("copyleft", 160, 1)
    assert sorted(path.name for path in tmp_path.glob("*")) == sorted(["mine.pt", "out", "Ultralytics"])
