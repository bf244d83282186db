"""What a model's files say of themselves, format by format: ONNX, Darknet, TFLite, Caffe, TensorFlow."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from detectors.catalogue import InputSpec, Task
from detectors.catalogue.card import MAIN, read_bytes
from detectors.dnn.engines.opencv import OpenCvEngine
from detectors.dnn.families import FAMILIES, Family, family
from detectors.dnn.families.darknet import read_cfg
from detectors.dnn.families.yolo_pose import noted_points
from detectors.dnn.onnx_edit import with_input_shapes
from detectors.dnn.onnx_header import OnnxHeader, read_onnx_header
from detectors.dnn.recognise import noted_names, noted_size, recognise
from detectors.dnn.tflite_header import read_tflite_header
from vidstream.errors import ModelError

#: where a description lies beside its weights
CONFIG = "config"
#: number of classes -> the list they are most likely of
_LISTS = {80: "coco", 90: "coco91"}
#: the same for networks that count the background: the list, and the number of its first class
_WITH_BACKGROUND = {91: ("coco91", 1), 21: ("voc", 0)}
_TEXT_LIMIT = 1 << 24
#: what SSD MobileNets are published for; some descriptions leave it open
_SSD_SIZE = 300


class Wish(NamedTuple):
    """What is asked of a model file."""

    tasks: Sequence[Task]
    #: ``auto``, or what the user says it is
    family: str
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class Bare:
    """What the files of a model say of themselves."""

    files: Mapping[str, bytes]
    family: Family
    input: InputSpec
    classes: str | tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


Reader: TypeAlias = Callable[[Path, Wish, str], Bare]


def read_onnx(path: Path, wish: Wish, where: str) -> Bare:
    """Size, family and names from the header; outputs of free size are seen by a run on a grey picture."""
    data = read_bytes(path, where)
    header = read_onnx_header(data, where)
    name, shape = _picture_input(header, where)
    nhwc = shape[1] != 3
    width, height = (shape[2], shape[1]) if nhwc else (shape[3], shape[2])
    if 0 in shape:
        data = with_input_shapes(data, {name: shape_of(width, height, nhwc=nhwc)}, where)
    if 0 in shape or any(0 in output for output in header.outputs.values()):
        header = _tried(data, header, shape_of(width, height, nhwc=nhwc), where)
    names = tuple(wish.names) or noted_names(header.metadata)
    found = (
        family(wish.family, where)
        if wish.family != "auto"
        else recognise(header, (width, height), wish.tasks, names, where)
    )
    spec = replace(found.input(width, height), layout="nhwc" if nhwc else "nchw")
    classes = names or _LISTS.get(found.classes(header, width, height), ())
    return Bare({MAIN: data}, found, spec, classes, _options(header, found, (width, height), where))


def read_darknet(path: Path, wish: Wish, where: str) -> Bare:
    """Weights with a cfg file beside them, and names where there is a third."""
    weights = path.with_suffix(".weights")
    cfg = read_bytes(_beside(path, ".cfg", where), where)
    config = read_cfg(cfg, where)
    listed = weights.with_suffix(".names")
    noted = _text(listed, where).splitlines() if listed.is_file() else ()
    names = tuple(wish.names) or tuple(name for name in noted if name)
    found = _meant(wish, "darknet", where)
    files = {MAIN: read_bytes(weights, where), CONFIG: cfg}
    return Bare(
        files, found, found.input(config.width, config.height), names or _LISTS.get(config.classes, ())
    )


def read_tflite(path: Path, wish: Wish, where: str) -> Bare:
    """A network that ends in TensorFlow's detection step, as SSD and EfficientDet-Lite do."""
    data = read_bytes(path, where)
    header = read_tflite_header(data, where)
    if len(header.shape) != 4 or header.shape[3] != 3 or min(header.shape) < 1:
        raise _no_fixed_input({"input": header.shape}, where)
    if wish.family == "auto" and not header.detects:
        raise ModelError(
            "is a TensorFlow Lite file without TensorFlow's detection step: its family cannot be told",
            where=where,
            fix=f"give family: {', '.join(_of(wish.tasks))}, if it is one of them; or export it to .onnx",
        )
    found = _meant(wish, "ssd", where)
    half = (127.5, 127.5, 127.5) if header.floats else None
    spec = found.input(header.shape[2], header.shape[1])
    if header.detects:
        spec = replace(spec, colour="rgb", mean=half or (0.0,) * 3, std=half or (1.0,) * 3)
    options = {"first_class": 0} if header.detects else {}
    return Bare({MAIN: data}, found, spec, tuple(wish.names) or "coco91" * header.detects, options)


def read_caffe(path: Path, wish: Wish, where: str) -> Bare:
    """Weights with a prototxt beside them, that ends in a detection layer."""
    text = _text(_beside(path, ".prototxt", where), where)
    found = _meant(wish, "ssd" if '"DetectionOutput"' in text else "", where)
    sizes = [int(n) for n in re.findall(r"\b(?:input_dim|dim)\s*:\s*(\d+)", text)[:4]]
    if len(sizes) != 4 or sizes[1] != 3:
        raise _no_fixed_input({"prototxt": tuple(sizes)}, where)
    classes, options = _counted(re.search(r"num_classes\s*:\s*(\d+)", text), wish.names)
    files = {MAIN: read_bytes(path.with_suffix(".caffemodel"), where), CONFIG: text.encode()}
    return Bare(files, found, found.input(sizes[3], sizes[2]), classes, options)


def read_tensorflow(path: Path, wish: Wish, where: str) -> Bare:
    """A frozen graph with the pbtxt beside it that OpenCV's scripts write."""
    text = _text(_beside(path, ".pbtxt", where), where)
    masks = "mask-rcnn-tf" if '"detection_masks"' in text else "ssd"
    found = _meant(wish, masks if '"DetectionOutput"' in text else "", where)
    place = text.find('"Placeholder"')
    sizes = [int(n) for n in re.findall(r"\bsize\s*:\s*(-?\d+)", text[place : place + 1000])[:4]]
    if sizes[1:3] == [-1, -1] and '"PriorBox_0"' in text:
        sizes[1:3] = _SSD_SIZE, _SSD_SIZE
    if len(sizes) != 4 or min(sizes[1:3]) < 1:
        raise _no_fixed_input({"pbtxt": tuple(sizes)}, where)
    number = re.search(r'"num_classes"\s*value\s*\{\s*i\s*:\s*(\d+)', text)
    classes, options = _counted(number, wish.names)
    spec = replace(found.input(sizes[2], sizes[1]), colour="rgb", mean=(0.0,) * 3, std=(1.0,) * 3)
    files = {MAIN: read_bytes(path.with_suffix(".pb"), where), CONFIG: text.encode()}
    return Bare(files, found, spec, classes, options)


#: end of the file's name -> its reader; a description may be named in place of its weights
READERS: Mapping[str, Reader] = {
    ".onnx": read_onnx,
    ".weights": read_darknet,
    ".cfg": read_darknet,
    ".tflite": read_tflite,
    ".caffemodel": read_caffe,
    ".prototxt": read_caffe,
    ".pb": read_tensorflow,
    ".pbtxt": read_tensorflow,
}


def shape_of(width: int, height: int, *, nhwc: bool) -> tuple[int, int, int, int]:
    """The shape of one picture."""
    return (1, height, width, 3) if nhwc else (1, 3, height, width)


def _picture_input(header: OnnxHeader, where: str) -> tuple[str, tuple[int, ...]]:
    """Name and shape of the picture's input; free sizes as the exporter notes them. ModelError: not one."""
    pictures = {n: s for n, s in header.inputs.items() if len(s) == 4 and (s[1] == 3 or s[3] == 3)}
    if len(pictures) != 1:
        raise _no_fixed_input(header.inputs, where)
    name, shape = next(iter(pictures.items()))
    noted = noted_size(header.metadata)
    if 0 in shape[1:] and noted:
        shape = (0, *shape_of(*noted, nhwc=shape[1] != 3)[1:])
    if 0 in shape[1:]:
        raise _no_fixed_input(header.inputs, where)
    return name, shape


def _tried(data: bytes, header: OnnxHeader, shape: Sequence[int], where: str) -> OnnxHeader:
    """The header with the shapes that the outputs have in truth, where OpenCV runs the network."""
    try:
        outputs = OpenCvEngine({MAIN: data}, device="cpu", where=where).run(np.full(shape, 0.5, np.float32))
    except ModelError:  # another engine may run it: what the header tells has to do
        return header
    return replace(header, outputs={n: tuple(o.shape) for n, o in zip(header.outputs, outputs, strict=True)})


def _options(header: OnnxHeader, found: Family, size: tuple[int, int], where: str) -> Mapping[str, Any]:
    options: dict[str, Any] = {}
    if found.task == "pose" and "kpt_shape" in header.metadata:
        options["keypoints"], options["dimensions"] = noted_points(header)
    if len(header.inputs) > 1:
        options["inputs"] = _inputs(header, size, where)
    return options


def _inputs(header: OnnxHeader, size: tuple[int, int], where: str) -> Mapping[str, Any]:
    """What to feed each input with: the picture, or what is known of those with these names."""
    width, height = size
    known = {
        "orig_target_sizes": [[width, height]],  # RT-DETR, D-FINE
        "im_shape": [[height, width]],  # PaddleDetection
        "scale_factor": [[1.0, 1.0]],
    }
    for name, shape in header.inputs.items():
        if len(shape) != 4 and name not in known:
            raise ModelError(
                f"takes an input '{name}' of shape {shape}, and nothing tells what to feed it with",
                where=where,
                fix="export it without; or write a card with the option inputs",
            )
    return {name: "picture" if len(shape) == 4 else known[name] for name, shape in header.inputs.items()}


def _counted(
    number: re.Match[str] | None, names: Sequence[str]
) -> tuple[str | tuple[str, ...], Mapping[str, Any]]:
    """Class names and the number of the first, of a network with so many classes and a background."""
    listed, first = _WITH_BACKGROUND.get(int(number[1]) if number else 0, ((), 1))
    return (tuple(names), {"first_class": 1}) if names else (listed, {"first_class": first})


def _meant(wish: Wish, told: str, where: str) -> Family:
    """The family the user names, or the file tells. ModelError where neither is for the tasks."""
    if wish.family != "auto":
        return family(wish.family, where)
    if not told or FAMILIES[told].task not in wish.tasks:
        raise ModelError(
            "does not tell its family" if not told else f"is for another task: {FAMILIES[told].task}",
            where=where,
            fix=f"give family: {', '.join(_of(wish.tasks))}, if it is one of them",
        )
    return FAMILIES[told]


def _of(tasks: Sequence[Task]) -> list[str]:
    return [f.name for f in FAMILIES.values() if f.task in tasks]


def _beside(path: Path, ending: str, where: str) -> Path:
    """The description of weights: the file of the same name."""
    same = path.with_suffix(ending)
    if not same.is_file():
        raise ModelError(
            f"{same.name} is not beside it, which tells how the network is built",
            where=where,
            fix=f"put {same.name} into the same folder",
        )
    return same


def _text(path: Path, where: str) -> str:
    data = read_bytes(path, where)
    if len(data) > _TEXT_LIMIT:
        raise ModelError(f"{path.name} has {len(data)} bytes: too long", where=where, fix="check the file")
    return data.decode("utf-8", "replace")


def _no_fixed_input(inputs: Mapping[str, Sequence[int]], where: str) -> ModelError:
    return ModelError(
        f"expected one input of fixed size, a picture in colour; the file has {dict(inputs)} (0 = free)",
        where=where,
        fix="export it with a fixed input size and batch 1",
    )
