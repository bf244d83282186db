from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.catalogue import Card, InputSpec, ModelFile
from detectors.dnn.engines import race
from detectors.dnn.engines.base import Kind
from detectors.dnn.engines.choose import KINDS, check_engine, open_engine
from detectors.dnn.engines.trial import agree, sample
from detectors.dnn.onnx_header import OnnxHeader
from tests.support.tiny_networks import network, node
from vidstream.errors import MissingDependency, ModelError

FASTER = [name for name in ("onnxruntime", "openvino") if importlib.util.find_spec(name)]
pytestmark = pytest.mark.skipif(
    len(FASTER) < 2, reason="onnxruntime or openvino is not installed: requirements/engines.txt"
)

SQUEEZENET = ("squeezenet1.0_imagenet.onnx", InputSpec(224, 224, mean=(104, 117, 124)))
SELFIE = ("selfie_segmentation.tflite", InputSpec(256, 256, "rgb", std=(255.0,) * 3))
BLAZEFACE = ("blazeface_short_range.tflite", InputSpec(128, 128, "rgb", (127.5,) * 3, (127.5,) * 3))
#: networks, and how far apart engines' numbers may be: their outputs are 1 at most, boxes 416
NETWORKS = [
    pytest.param(("yolox_nano.onnx", InputSpec(416, 416)), 2e-3, id="YOLOX"),
    pytest.param(("nanodet_m.onnx", InputSpec(416, 416, std=(58.0,) * 3)), 2e-3, id="NanoDet, six outputs"),
    pytest.param(SQUEEZENET, 1e-3, id="SqueezeNet"),
    pytest.param(BLAZEFACE, 2e-3, id="BlazeFace, TFLite"),
    pytest.param(("mtcnn_rnet.onnx", InputSpec(24, 24, layout="nhwc", std=(128.0,) * 3)), 1e-3, id="NHWC"),
    pytest.param(("osnet_x0_25_msmt17.onnx", InputSpec(128, 256, std=(58.0,) * 3)), 2e-3, id="free batch"),
]


@pytest.fixture
def model(weights):
    def build(entry, **more):
        file, spec = entry
        data = (weights / file).read_bytes()
        files = {"model": ModelFile(file, len(data), sha256(data).hexdigest())}
        return Card("tried", "classify", "any", files, "", spec, **more), {"model": data}

    return build


@pytest.fixture
def unreadable():
    """A network of determinants, which OpenCV does not know and others do."""
    data = network([node("Det", ["in"], "out")], (1, 3, 8, 8), (1, 3))
    files = {"model": ModelFile("det.onnx", len(data), sha256(data).hexdigest())}
    return Card("tried", "classify", "any", files, "", InputSpec(8, 8)), {"model": data}


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setattr(race, "_ROUNDS", 3)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "vidstream" / "engines"


def kinds(remarks):
    return [remark.kind for remark in remarks]


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
@pytest.mark.parametrize(("entry", "most"), NETWORKS)
def test_engines_give_opencvs_numbers(model, name, entry, most):
    card, data = model(entry)
    if name == "onnxruntime" and card.main.file.endswith(".tflite"):
        pytest.skip("ONNX Runtime reads ONNX alone")
    reference, _ = open_engine(card, data, engine="opencv", device="cpu")
    engine, _ = open_engine(card, data, engine=name, device="cpu")
    assert (engine.name, engine.device) == (name, "cpu")
    random = np.random.default_rng(3)
    blob = (sample(card.input) * random.uniform(0.5, 1.0)).astype(np.float32)
    expected = [output.copy() for output in reference.run(blob)]
    found = engine.run(blob)
    assert [o.shape for o in found] == [o.shape for o in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=most, atol=most)
    blob[:] = 0  # outputs are the caller's own, and the input may be overwritten
    kept = [output.copy() for output in found]
    engine.run(blob)
    for one, before in zip(found, kept, strict=True):
        np.testing.assert_array_equal(one, before)


@pytest.mark.parametrize("name", ["opencv", "onnxruntime", "openvino"])
def test_outputs_come_as_named(model, name):
    every, _ = open_engine(*model(NETWORKS[1].values[0]), engine=name, device="cpu")
    some, _ = open_engine(*model(NETWORKS[1].values[0], outputs=("814", "792")), engine=name, device="cpu")
    blob = sample(InputSpec(416, 416))
    all_six, two = every.run(blob), some.run(blob)
    np.testing.assert_array_equal(two[1], all_six[0])
    assert [o.shape for o in two] == [(1, 676, 80), (1, 2704, 80)]


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_an_output_that_is_not_there_is_told(model, name):
    with pytest.raises(ModelError, match="tried"):
        open_engine(*model(SQUEEZENET, outputs=("nonsense",)), engine=name)


@pytest.mark.parametrize("name", ["opencv", "onnxruntime", "openvino"])
def test_an_input_that_does_not_fit_is_told(model, name):
    engine, _ = open_engine(*model(SQUEEZENET), engine=name)
    with pytest.raises(ModelError, match=r"cannot run on an input of shape \(1, 1, 224, 224\)"):
        engine.run(np.zeros((1, 1, 224, 224), np.float32))
    with pytest.raises(ModelError, match="cannot run on an input of shape"):
        engine.run({"no such": np.zeros((1, 3, 224, 224), np.float32)})


def test_what_opencv_cannot_read_falls_to_another_engine_with_a_remark(unreadable):
    engine, remarks = open_engine(*unreadable)
    assert engine.name == "onnxruntime"
    (why,) = [r.text for r in remarks if r.kind == "engine-fallback"]
    assert why.startswith("onnxruntime on cpu runs it: OpenCV cannot read the network")


def test_what_no_installed_engine_can_read_names_those_that_may(unreadable, monkeypatch):
    monkeypatch.setattr(Kind, "installed", property(lambda kind: kind.name == "opencv"))
    with pytest.raises(ModelError, match="OpenCV cannot read.*pip install onnxruntime openvino"):
        open_engine(*unreadable)


def test_opencv_by_name_does_not_fall_to_another(unreadable):
    with pytest.raises(ModelError, match="OpenCV cannot read"):
        open_engine(*unreadable, engine="opencv")


def test_a_network_that_leaves_its_size_open_gets_the_cards(model):
    reader = ("PP-OCRv6_rec_tiny.onnx", InputSpec(320, 48, std=(127.5,) * 3))
    opened = {name: open_engine(*model(reader), engine=name)[0] for name in ("opencv", "onnxruntime")}
    blob = sample(InputSpec(320, 48))
    one, other = (engine.run(blob)[0] for engine in opened.values())
    assert one.shape == (1, 40, 6906)
    np.testing.assert_allclose(one, other, atol=1e-3)


def test_the_cards_first_engine_is_taken_and_others_are_doubted(model):
    card, data = model(SQUEEZENET, engines=("onnxruntime", "opencv"))
    engine, remarks = open_engine(card, data)
    assert (engine.name, kinds(remarks)) == ("onnxruntime", ["cpu-fallback"])
    engine, remarks = open_engine(card, data, engine="openvino", device="cpu")
    assert (engine.name, kinds(remarks)) == ("openvino", ["engine-doubtful"])
    assert open_engine(card, data, engine="opencv", device="cpu")[1] == ()


def test_the_cards_first_engine_missing_is_told(model, monkeypatch):
    monkeypatch.setattr(Kind, "installed", property(lambda kind: kind.name != "onnxruntime"))
    engine, remarks = open_engine(*model(SQUEEZENET, engines=("onnxruntime", "opencv")), device="cpu")
    assert engine.name == "opencv"
    assert remarks[0].text.endswith(
        "its card prefers onnxruntime, which is not installed; pip install onnxruntime"
    )
    with pytest.raises(MissingDependency, match="needs the engine onnxruntime.*pip install onnxruntime"):
        open_engine(*model(SQUEEZENET, engines=("onnxruntime",)))


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_an_engine_by_name_that_is_not_installed_is_an_error(name, monkeypatch):
    def gone(asked):
        raise ModuleNotFoundError(asked)

    monkeypatch.setattr(Kind, "installed", property(lambda kind: kind.name == "opencv"))
    monkeypatch.setattr("detectors.dnn.engines.base.importlib.import_module", gone)
    with pytest.raises(MissingDependency, match=f"{name} is not installed; pip install {name}"):
        check_engine(name, "auto")


def test_a_format_the_engine_cannot_read_is_an_error(model):
    with pytest.raises(ModelError, match="ONNX Runtime reads ONNX, not '.tflite'; use engine: default"):
        open_engine(*model(SELFIE), engine="onnxruntime")


@pytest.mark.parametrize(
    ("engine", "device", "words"),
    [
        pytest.param("onnxruntime", "opencl", "'onnxruntime' cannot run on 'opencl'", id="ORT, OpenCL"),
        pytest.param(
            "openvino", "cuda", "'openvino' cannot run on 'cuda'.*set device to auto or cpu", id="OV"
        ),
        pytest.param("default", "cuda", "device 'cuda' is not available in this OpenCV", id="default"),
        pytest.param("auto", "cuda_fp16", "device 'cuda_fp16' is not available", id="auto"),
    ],
)
def test_a_device_by_name_that_is_not_there_is_an_error(model, engine, device, words, monkeypatch):
    monkeypatch.setattr(cv2.dnn, "getAvailableTargets", lambda backend: [])
    with pytest.raises(ModelError, match=words):
        check_engine(engine, device)
    with pytest.raises(ModelError, match=words):
        open_engine(*model(SQUEEZENET), engine=engine, device=device)


def test_auto_measures_says_and_remembers(model, cache, monkeypatch):
    card, data = model(SQUEEZENET)
    first, remarks = open_engine(card, data, engine="auto")
    (note,) = cache.iterdir()
    told = json.loads(note.read_text())
    assert set(told["ms"]) == {"opencv", "onnxruntime", "openvino"}
    assert told["engine"] == first.name == min(told["ms"], key=told["ms"].get)
    assert remarks[-1].text.endswith("(measured now)")
    monkeypatch.setattr(race, "_times", None)  # a second measurement would fail
    again, remarks = open_engine(card, data, engine="auto")
    assert again.name == first.name
    assert f"engine auto took {first.name}: {first.name} " in remarks[-1].text
    assert remarks[-1].text.endswith("(as measured before)")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param('{"engine": 1, "ms": 2}', id="other things"),
        pytest.param('{"engine": "gone", "ms": {}, "left_out": {}}', id="an engine that is not there"),
    ],
)
def test_a_spoilt_memory_is_measured_again(model, cache, text):
    entry = model(BLAZEFACE, outputs=("regressors", "classificators"))
    open_engine(*entry, engine="auto")
    (note,) = cache.iterdir()
    note.write_text(text)
    assert open_engine(*entry, engine="auto")[1][-1].text.endswith("(measured now)")


class Wrong:
    name, device = "opencv", "cpu"

    def __init__(self, data, **options):
        pass

    def run(self, blob):
        return [np.full((1, 1000, 1, 1), 0.5, np.float32)]


class Broken(Wrong):
    def run(self, blob):
        return [np.full((1, 1000, 1, 1), np.nan, np.float32)]


@pytest.mark.parametrize(
    ("stand_in", "why"),
    [
        pytest.param(Wrong, "opencv: its numbers differ from the others'", id="other numbers"),
        pytest.param(Broken, "opencv: gives numbers that are none", id="not a number"),
    ],
)
def test_auto_leaves_out_what_is_wrong_however_fast(model, monkeypatch, stand_in, why):
    monkeypatch.setitem(KINDS, "opencv", KINDS["opencv"]._replace(open=stand_in))
    engine, remarks = open_engine(*model(SQUEEZENET), engine="auto")
    assert engine.name in ("onnxruntime", "openvino")
    assert any(r.kind == "engine-left-out" and r.text.startswith(why) for r in remarks)


def test_a_network_that_gives_no_numbers_is_told(model, monkeypatch):
    monkeypatch.setitem(KINDS, "opencv", KINDS["opencv"]._replace(open=Broken))
    with pytest.raises(ModelError, match=r"'tried': gives numbers that are none \(NaN\) in opencv on cpu"):
        open_engine(*model(SQUEEZENET), engine="opencv")


def test_onnx_runtime_serves_cuda_where_opencv_has_none(model, monkeypatch):
    class OnCuda(Wrong):
        name, device = "onnxruntime", "cuda"

    monkeypatch.setattr(cv2.dnn, "getAvailableTargets", lambda backend: [])
    known = KINDS["onnxruntime"]._replace(devices=lambda: ("cpu", "cuda"), open=OnCuda)
    monkeypatch.setitem(KINDS, "onnxruntime", known)
    engine, remarks = open_engine(*model(SQUEEZENET))
    assert (engine.name, engine.device, kinds(remarks)) == ("onnxruntime", "cuda", ["device"])
    check_engine("default", "cuda")


def test_openvino_does_not_load_what_reports_its_use():
    import sys

    open_engine_module = importlib.import_module("detectors.dnn.engines.openvino")
    open_engine_module._openvino()
    assert sys.modules.get("openvino_telemetry") is None


def test_a_network_of_several_inputs_is_tried_with_all_of_them():
    header = OnnxHeader({"image": (1, 3, 8, 8), "size": (1, 2)}, {}, {})
    blobs = sample(InputSpec(8, 8), header)
    assert {name: b.shape for name, b in blobs.items()} == {"image": (1, 3, 8, 8), "size": (1, 2)}


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        pytest.param([[1.0, 2.0]], [[1.001, 2.0]], True, id="rounding"),
        pytest.param([[1.0, 2.0]], [[1.2, 2.0]], False, id="another number"),
        pytest.param([[1.0]], [[1.0], [2.0]], False, id="an output more"),
        pytest.param([[1.0, 2.0]], [[1.0]], False, id="another shape"),
        pytest.param([[640.0, 0.5]], [[640.0, 0.6]], False, id="a score beside large numbers"),
        pytest.param([[1e-3, 2e-3]], [[2e-3, 1e-3]], False, id="small numbers"),
    ],
)
def test_agreement(one, other, equal):
    assert agree([np.array(o) for o in one], [np.array(o) for o in other]) is equal


def test_a_signal_is_survived_when_networks_are_gone(weights):
    """OpenVINO's cores lay stacks for signals over one another; dropped one by one they left a dead one."""
    script = f"""
import signal
from pathlib import Path
from detectors.dnn.engines.openvino import OpenVinoEngine
data = Path({str(weights / "mtcnn_rnet.onnx")!r}).read_bytes()
engines = [OpenVinoEngine(data) for _ in range(3)]
while engines:
    engines.pop(0)
caught = []
signal.signal(signal.SIGINT, lambda *_: caught.append(True))
signal.raise_signal(signal.SIGINT)
print(caught)
"""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[True]\n"), done.stderr
