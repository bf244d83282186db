"""detect.dnn with other engines: faults are told by option, remarks are reported, a process is replaced."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import cv2
import pytest

from detectors.dnn import ultralytics
from detectors.dnn.engines.base import Kind
from detectors.dnn.ultralytics import process
from vidstream import Pipeline
from vidstream.stages.detect.dnn import DetectDnn

DIES_ONCE = f"""
import os, sys
sys.path.insert(0, {str(Path(ultralytics.__file__).parent)!r})
import child
import numpy as np

mark = os.path.join(os.path.dirname(__file__), "died")

class Worker:
    runs = 0

    def open(self, header, arrays):
        return {{"device": "cpu", "task": "detect", "names": "{{0: 'cat', 1: 'dog'}}", "kpt_shape": "[]",
                "size": [64, 96], "shapes": [[1, 6, 126]]}}, []

    def run(self, header, arrays):
        self.runs += 1
        if self.runs == 3 and not os.path.exists(mark):
            open(mark, "w").close()
            os._exit(1)
        out = np.zeros((1, 6, 126), np.float32)
        out[0, :, 0] = [48, 32, 20, 10, 0, 1]
        return {{}}, [out]

child.Worker = Worker
child.main()
"""


@pytest.mark.parametrize(
    ("options", "path", "words"),
    [
        pytest.param(
            {"engine": "onnxruntime"}, "engine", "pip install onnxruntime", id="engine not installed"
        ),
        pytest.param({"device": "cuda"}, "device", "set device to auto or cpu", id="no such device"),
        pytest.param(
            {"engine": "ultralytics", "model": "./no.pt"}, "model", "no such file", id="no such .pt file"
        ),
        pytest.param({"model": "./no.pt"}, "model", "set engine: ultralytics", id=".pt without asking"),
    ],
)
def test_check_tells_what_is_wrong_and_with_which_option(options, path, words, assets, monkeypatch):
    monkeypatch.setenv("VIDSTREAM_MODELS", str(assets("weights/yolox_nano.onnx").parent))
    monkeypatch.setattr(cv2.dnn, "getAvailableTargets", lambda backend: [])
    monkeypatch.setenv(process.PYTHON, sys.executable)
    if path == "engine":
        monkeypatch.setattr(Kind, "installed", property(lambda kind: kind.name == "opencv"))

        def gone(name):
            raise ModuleNotFoundError(name)

        monkeypatch.setattr("detectors.dnn.engines.base.importlib.import_module", gone)
    (problem,) = DetectDnn.check(DetectDnn.Params(**{"model": "yolox-nano", **options}))
    assert problem.path == (path,)
    assert words in str(problem)


@pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime") is None,
    reason="onnxruntime is not installed: requirements/engines.txt",
)
def test_what_was_taken_is_in_the_report(assets, monkeypatch, tmp_path):
    monkeypatch.setenv("VIDSTREAM_MODELS", str(assets("weights/yolox_nano.onnx").parent))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    graph = {"find": {"use": "detect.dnn", "model": "yolox-nano", "engine": "auto"}}
    report = Pipeline.build(source="synthetic:people", graph=graph, run={"frames": 2}).run()
    told = {notice.kind: notice.message for notice in report.notices.counts}
    assert told["engine"].startswith("engine auto took ")
    assert "measured now" in told["engine"]


def test_a_process_that_died_is_started_again_where_that_is_asked_for(monkeypatch, tmp_path):
    script = tmp_path / "stand_in.py"
    script.write_text(DIES_ONCE)
    (tmp_path / "mine.pt").write_bytes(b"weights")
    monkeypatch.setattr(process, "_CHILD", script)
    monkeypatch.setenv(process.PYTHON, sys.executable)
    find = {"use": "detect.dnn", "model": str(tmp_path / "mine.pt"), "engine": "ultralytics"}
    graph = {"find": {**find, "on_error": "restart"}}
    pipeline = Pipeline.build(source="synthetic:people", graph=graph, run={"frames": 6})
    found = [len(packet["find"]) for packet in pipeline if "find" in packet.results]
    assert (tmp_path / "died").exists()
    assert len(found) >= 5
    assert set(found) == {1}
    assert not list(Path(process.tempfile.gettempdir()).glob("vidstream-*/died"))
