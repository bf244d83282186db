"""doctor: what is here, what is not, and the cure; told the same on every machine."""

from __future__ import annotations

import re

import cv2
import pytest

from detectors.dnn.engines.base import Kind
from vidstream import environment
from vidstream.cli import doctor
from vidstream.cli.main import main
from vidstream.errors import MissingDependency

CUDA = {cv2.dnn.DNN_BACKEND_CUDA: [cv2.dnn.DNN_TARGET_CUDA, cv2.dnn.DNN_TARGET_CUDA_FP16]}


@pytest.fixture
def told(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("VIDSTREAM_MODELS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def run():
        code = main(["doctor"])
        rows = {}
        for line in capsys.readouterr().out.splitlines():
            if line.startswith("  "):
                rows.setdefault(line[2:24].strip(), []).append(line[25:].strip())
        return code, rows

    return run


def test_engines_have_their_versions_and_devices(told):
    code, rows = told()
    assert code == 0
    assert rows["opencv"] == ["whole"]
    assert rows["opencv dnn"][0].startswith("4.14.0.94")
    assert "on cpu" in rows["opencv dnn"][0]
    assert re.fullmatch(r"\d+ of \d+ are here", rows["networks"][0])
    assert rows["yolox-nano"][-1] == "python run.py models fetch yolox-nano"


def test_an_engine_that_is_missing_has_its_cure(told, monkeypatch):
    monkeypatch.setattr(Kind, "installed", property(lambda kind: kind.name == "opencv"))
    _, rows = told()
    assert rows["onnxruntime"] == ["-", "pip install onnxruntime  (about twice as fast as OpenCV on a CPU)"]


def test_a_broken_opencv_is_an_error_with_its_cure(told, monkeypatch):
    def broken():
        raise MissingDependency("cv2.TrackerCSRT_create is missing", where="OpenCV", fix="repair: it")

    monkeypatch.setattr(environment, "check_opencv", broken)
    code, rows = told()
    assert code == 1
    assert rows["opencv"] == ["cv2.TrackerCSRT_create is missing", "repair: it"]


@pytest.mark.parametrize(
    ("targets", "driver", "state", "cure"),
    [
        pytest.param({}, "", "no NVIDIA card seen", "", id="no card"),
        pytest.param(
            {}, "driver 580", "driver 580, which this", "build_opencv_cuda.sh --dry-run", id="no build"
        ),
        pytest.param(CUDA, "driver 580", "OpenCV runs networks on it (driver 580)", "", id="card and build"),
    ],
)
def test_a_graphics_card(told, monkeypatch, targets, driver, state, cure):
    monkeypatch.setattr(cv2.dnn, "getAvailableTargets", lambda backend: targets.get(backend, []))
    monkeypatch.setattr(doctor, "_nvidia", lambda: driver)
    _, rows = told()
    assert rows["cuda"][0].startswith(state)
    assert (cure in rows["cuda"][-1]) if cure else len(rows["cuda"]) == 1
    assert ("cuda_fp16" in rows["opencv dnn"][0]) == bool(targets)
