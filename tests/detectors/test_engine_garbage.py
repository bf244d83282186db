"""Files that are no networks, or parts of one: an error, in every format."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from detectors.dnn.engines.darknet import header_size, weights_size
from detectors.dnn.engines.opencv import OpenCvEngine
from vidstream.errors import ModelError

ROOT = Path(__file__).resolve().parents[2]
FORMATS = {
    "onnx": ("yolo-fastestv2.onnx", None, (1, 3, 352, 352)),
    "tflite": ("blazeface_short_range.tflite", None, (1, 3, 128, 128)),
    "tensorflow": ("opencv_face_detector_uint8.pb", "opencv_face_detector.pbtxt", (1, 3, 300, 300)),
    "darknet": ("yolov4-tiny.weights", "yolov4-tiny.cfg", (1, 3, 416, 416)),
}
CONTENTS = {
    "nothing": b"",
    "one byte": b"\0",
    "text": b"This is no network, but a letter to the editor.\n" * 20,
    "zeros": bytes(4096),
    "noise": random.Random(0).randbytes(5000),
    "HTML": b"<!DOCTYPE html><html><body>404</body></html>" * 10,
}


def parts(folder: Path, name: str, data: bytes) -> dict[str, bytes]:
    config = FORMATS[name][1]
    return {"model": data, "config": (folder / config).read_bytes()} if config else {"model": data}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("name", FORMATS)
def test_what_is_no_network_is_told(weights, name, content):
    with pytest.raises(ModelError, match="model 'odd'"):
        OpenCvEngine(
            parts(weights, name, CONTENTS[content]), file=FORMATS[name][0], device="cpu", where="model 'odd'"
        )


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("name", FORMATS)
def test_a_file_cut_short_is_told(weights, name, share):
    data = (weights / FORMATS[name][0]).read_bytes()
    whole = parts(weights, name, data[: int(len(data) * share)])
    with pytest.raises(ModelError, match="model 'cut'"):
        OpenCvEngine(whole, file=FORMATS[name][0], device="cpu", where="model 'cut'")


def test_weights_are_as_long_as_their_cfg_wants(weights):
    data, config = (weights / "yolov4-tiny.weights").read_bytes(), (weights / "yolov4-tiny.cfg").read_bytes()
    assert header_size(data) + weights_size(config) == len(data)
    assert weights_size(b"[net]\nchannels=3\n[convolutional]\nfilters=2\nsize=3\n") == 4 * (2 * 3 * 9 + 2)
    assert weights_size(b"[net]\n[lstm]\noutput=3\n") == 0


@pytest.mark.parametrize(
    ("file", "words"),
    [
        pytest.param("network.bin", "not this one; give a file that ends in", id="another end"),
        pytest.param("network.weights", "want the .cfg file", id="weights alone"),
    ],
)
def test_what_cannot_be_a_network_alone_is_told(file, words):
    with pytest.raises(ModelError, match=words):
        OpenCvEngine({"model": bytes(range(256)) * 8}, file=file, device="cpu")


FUZZ = """
import random, sys
import numpy as np
from pathlib import Path
from detectors.dnn.engines.opencv import OpenCvEngine
from vidstream.errors import ModelError

folder, file, config, seeds = Path(sys.argv[1]), sys.argv[2], sys.argv[3], range(int(sys.argv[4]))
whole = (folder / file).read_bytes()
for seed in seeds:
    dice = random.Random(seed)
    data = bytearray(whole)
    for _ in range(10):
        data[dice.randrange(len(data))] = dice.randrange(256)
    parts = {"model": bytes(data)}
    if config:
        parts["config"] = (folder / config).read_bytes()
    try:
        OpenCvEngine(parts, file=file, device="cpu")
        print("ran", flush=True)
    except ModelError as error:
        print("told", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_changed_bytes_are_told_or_read_or_crash_but_never_surprise(weights, name):
    """OpenCV's importers may die of it (docs/engines.md says so); what they raise is always a ModelError."""
    file, config, _ = FORMATS[name]
    command = [sys.executable, "-c", FUZZ, str(weights), file, config or "", "40"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=100)
    assert done.returncode <= 0, done.stderr  # negative: killed by a signal
    assert set(done.stdout.split()) <= {"ran", "told"}
    assert done.stdout
