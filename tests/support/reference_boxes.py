"""Detections as the networks' authors published them: their own way in, plain loops on the way out.

Nothing here knows of the project's detectors, so that both can be wrong only independently. ONNX files run
in ONNX Runtime; Darknet's convolutions run in OpenCV, and everything behind them is done here.

``python -m tests.support.reference_boxes FOLDER_OF_ASSETS`` writes the golden numbers of the tests anew,
except those that other packages gave.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np

PICTURES = ("bus.jpg", "dog.jpg", "zidane.jpg", "horses.jpg")
GOLDEN = Path(__file__).resolve().parents[1] / "detectors" / "families" / "golden.json"
CONFIDENCE, IOU = 0.25, 0.45


def _overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def _best_of_each(rows, threshold=IOU):
    """Greedy suppression per class of (box, score, class) rows."""
    kept = []
    for row in sorted(rows, key=lambda r: -r[1]):
        if all(row[2] != k[2] or _overlap(row[0], k[0]) <= threshold for k in kept):
            kept.append(row)
    return kept


def _inside(rows, picture, place):
    """Boxes of the picture: `place` leads one point from the input to it."""
    height, width = picture.shape[:2]
    found = []
    for box, score, number in rows:
        x1, y1 = place(box[0], box[1])
        x2, y2 = place(box[2], box[3])
        inside = [max(0, x1), max(0, y1), min(width, x2), min(height, y2)]
        found.append(
            {"box": [round(float(v), 2) for v in inside], "score": round(float(score), 4), "class": number}
        )
    return found


def _file(weights, name):
    """A file of the assets, or of the folders that ``VIDSTREAM_MODELS`` names."""
    named = [Path(folder) for folder in os.environ.get("VIDSTREAM_MODELS", "").split(os.pathsep) if folder]
    found = [folder / name for folder in (weights, *named) if (folder / name).is_file()]
    if not found:
        raise FileNotFoundError(name)
    return found[0]


def _run(path, blob):
    onnxruntime = import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(blob, np.float32)})


def yolox(weights, picture):
    """As YOLOX/demo/ONNXRuntime does it, but for the way back.

    It divides by `ratio`, although the picture was resized to whole pixels; here boxes go back by the size it
    has in truth (0.2 % apart in horses.jpg, nothing in the others).
    """
    height, width = picture.shape[:2]
    ratio = min(416 / height, 416 / width)
    padded = np.full((416, 416, 3), 114, np.uint8)
    small = cv2.resize(picture, (int(width * ratio), int(height * ratio)), interpolation=cv2.INTER_LINEAR)
    padded[: small.shape[0], : small.shape[1]] = small
    (output,) = _run(_file(weights, "yolox_nano.onnx"), padded.transpose(2, 0, 1)[None])
    rows, at = [], 0
    for stride in (8, 16, 32):
        for y in range(416 // stride):
            for x in range(416 // stride):
                value = output[0, at]
                at += 1
                number = int(value[5:].argmax())
                score = value[4] * value[5 + number]
                if score < CONFIDENCE:
                    continue
                cx, cy = (value[0] + x) * stride, (value[1] + y) * stride
                w, h = math.exp(value[2]) * stride, math.exp(value[3]) * stride
                rows.append(((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), score, number))
    across, down = width / small.shape[1], height / small.shape[0]
    return _inside(_best_of_each(rows), picture, lambda x, y: (x * across, y * down))


def nanodet(weights, picture):
    """As nanodet's data/transform/warp.py and its head do it; the file gives scores, then sides."""
    height, width = picture.shape[:2]
    ratio = 416 / height if width / height < 1 else 416 / width
    there = np.array(
        [[ratio, 0, 208 - ratio * width / 2], [0, ratio, 208 - ratio * height / 2], [0, 0, 1]], np.float64
    )
    warped = cv2.warpPerspective(picture, there, (416, 416)).astype(np.float32)
    warped = (warped - (103.53, 116.28, 123.675)) / (57.375, 57.12, 58.395)
    outputs = _run(_file(weights, "nanodet_m.onnx"), warped.transpose(2, 0, 1)[None])
    rows = []
    for stride, scores, sides in zip((8, 16, 32), outputs[:3], outputs[3:], strict=True):
        columns = 416 // stride
        for at in range(columns * columns):
            number = int(scores[0, at].argmax())
            score = scores[0, at, number]
            if score < CONFIDENCE:
                continue
            cx, cy = (at % columns + 0.5) * stride, (at // columns + 0.5) * stride
            lengths = []
            for side in range(4):
                powers = [math.exp(v) for v in sides[0, at, side * 8 : side * 8 + 8]]
                lengths.append(stride * sum(i * p for i, p in enumerate(powers)) / sum(powers))
            left, top, right, bottom = lengths
            box = (max(0, cx - left), max(0, cy - top), min(416, cx + right), min(416, cy + bottom))
            rows.append((box, score, number))
    back = np.linalg.inv(there)
    return _inside(
        _best_of_each(rows), picture, lambda x, y: (back[0, 0] * x + back[0, 2], back[1, 1] * y + back[1, 2])
    )


def fastest(weights, picture):
    """As Yolo-FastestV2's utils/utils.py does it; the file has sigmoid and softmax built in."""
    anchors = (12.64, 19.39, 37.88, 51.48, 55.71, 138.31, 126.91, 78.23, 131.57, 214.55, 279.92, 258.87)
    small = cv2.resize(picture, (352, 352), interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
    (output,) = _run(_file(weights, "yolo-fastestv2.onnx"), small.transpose(2, 0, 1)[None])
    rows, at = [], 0
    for grid, stride in enumerate((16, 32)):
        for y in range(352 // stride):
            for x in range(352 // stride):
                value = output[at]
                at += 1
                number = int(value[15:].argmax())
                for a in range(3):
                    score = value[12 + a] * value[15 + number]
                    if score < CONFIDENCE:
                        continue
                    cx = (value[4 * a] * 2 - 0.5 + x) * stride
                    cy = (value[4 * a + 1] * 2 - 0.5 + y) * stride
                    w = (value[4 * a + 2] * 2) ** 2 * anchors[grid * 6 + a * 2]
                    h = (value[4 * a + 3] * 2) ** 2 * anchors[grid * 6 + a * 2 + 1]
                    rows.append(((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), score, number))
    height, width = picture.shape[:2]
    return _inside(_best_of_each(rows), picture, lambda x, y: (x * width / 352, y * height / 352))


def _darknet_resize(picture, size):
    """Darknet's resize_image: corner pixels on corner pixels, and no rounding."""
    for axis in (0, 1):
        length = picture.shape[axis]
        places = np.arange(size) * (length - 1) / (size - 1)
        low = np.minimum(places.astype(int), length - 2)
        share = (places - low).reshape([-1 if a == axis else 1 for a in range(3)])
        picture = (1 - share) * picture.take(low, axis) + share * picture.take(low + 1, axis)
    return picture


def _darknet_input(picture, size):
    sized = _darknet_resize(picture[:, :, ::-1].astype(np.float64) / 255, size)
    return np.ascontiguousarray(sized.transpose(2, 0, 1)[None], np.float32)


def _darknet_boxes(output, anchors, spread, classes):
    """Rows of one layer, in shares of the input: yolo_layer.c (get_yolo_box), region_layer.c."""
    rows, columns = [], output.shape[2]
    logistic = 1 / (1 + np.exp(-output[0].astype(np.float64)))
    for n, (width, height) in enumerate(anchors):
        value, raw = logistic[n * 85 : n * 85 + 85], output[0, n * 85 : n * 85 + 85]
        for y, x in np.argwhere(value[4] > CONFIDENCE):
            chances = classes(raw[5:, y, x].astype(np.float64))
            number = int(chances.argmax())
            score = value[4, y, x] * chances[number]
            if score < CONFIDENCE:
                continue
            cx = (x + value[0, y, x] * spread - (spread - 1) / 2) / columns
            cy = (y + value[1, y, x] * spread - (spread - 1) / 2) / columns
            w, h = math.exp(raw[2, y, x]) * width, math.exp(raw[3, y, x]) * height
            rows.append(((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), score, number))
    return rows


def yolov4_tiny(weights, picture):
    """As AlexeyAB's Darknet does it, behind the last convolutions."""
    sizes = ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319))
    net = cv2.dnn.readNetFromDarknet(
        str(_file(weights, "yolov4-tiny.cfg")), str(_file(weights, "yolov4-tiny.weights"))
    )
    net.setInput(_darknet_input(picture, 416))
    rows = []
    for output, mask in zip(net.forward(["conv_29", "conv_36"]), ((3, 4, 5), (1, 2, 3)), strict=True):
        anchors = [(sizes[m][0] / 416, sizes[m][1] / 416) for m in mask]
        rows += _darknet_boxes(output, anchors, 1.05, lambda raw: 1 / (1 + np.exp(-raw)))
    height, width = picture.shape[:2]
    return _inside(_best_of_each(rows), picture, lambda x, y: (x * width, y * height))


def yolov2_tiny(weights, picture):
    """As Darknet does it, behind the last convolution: anchors in cells of 13, softmax over classes."""
    sizes = (0.57273, 0.677385, 1.87446, 2.06253, 3.33843, 5.47434, 7.88282, 3.52778, 9.77052, 9.16828)
    net = cv2.dnn.readNetFromDarknet(
        str(_file(weights, "yolov2-tiny.cfg")), str(_file(weights, "yolov2-tiny.weights"))
    )
    net.setInput(_darknet_input(picture, 416))
    last = [name for name in net.getLayerNames() if name.startswith("conv")][-1]
    anchors = [(w / 13, h / 13) for w, h in zip(sizes[::2], sizes[1::2], strict=True)]
    rows = _darknet_boxes(net.forward(last), anchors, 1.0, lambda raw: np.exp(raw) / np.exp(raw).sum())
    height, width = picture.shape[:2]
    return _inside(_best_of_each(rows), picture, lambda x, y: (x * width, y * height))


def yolov5(weights, picture):
    """As YOLOv5's letterbox and non_max_suppression do it; this file gives shares of its input."""
    height, width = picture.shape[:2]
    ratio = min(320 / height, 320 / width)
    new_width, new_height = round(width * ratio), round(height * ratio)
    dw, dh = (320 - new_width) / 2, (320 - new_height) / 2
    small = cv2.resize(picture, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
    top, bottom = round(dh - 0.1), round(dh + 0.1)
    left, right = round(dw - 0.1), round(dw + 0.1)
    padded = cv2.copyMakeBorder(small, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(114, 114, 114))
    (output,) = _run(_file(weights, "yolov5n.onnx"), padded[None, :, :, ::-1] / 255)
    rows = []
    for value in output[0]:
        number = int(value[5:].argmax())
        score = value[4] * value[5 + number]
        if score >= CONFIDENCE:
            cx, cy, w, h = value[:4] * 320
            rows.append(((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), score, number))
    across, down = width / new_width, height / new_height
    return _inside(_best_of_each(rows), picture, lambda x, y: ((x - left) * across, (y - top) * down))


def _ssd(picture, parts, least, threshold, first):
    """SSD's own decoding: `parts` are offsets, class scores and (2, N * 4) anchors and variances."""
    offsets, scores = (part.reshape(len(parts[2][0, 0]) // 4, -1) for part in parts[:2])
    anchors, variances = parts[2][0].reshape(2, -1, 4)
    rows = []
    for at, number in np.argwhere(scores > least):
        if number == 0:  # the background
            continue
        x1, y1, x2, y2 = anchors[at]
        w, h = x2 - x1, y2 - y1
        cx = (x1 + x2) / 2 + offsets[at, 0] * variances[at, 0] * w
        cy = (y1 + y2) / 2 + offsets[at, 1] * variances[at, 1] * h
        w, h = (
            w * math.exp(offsets[at, 2] * variances[at, 2]),
            h * math.exp(offsets[at, 3] * variances[at, 3]),
        )
        box = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
        rows.append((box, float(scores[at, number]), int(number) - first))
    height, width = picture.shape[:2]
    kept = _best_of_each(rows, threshold)
    return _inside(kept, picture, lambda x, y: (x * width, y * height))


def mobilenet_ssd(weights, picture):
    """W. Liu's SSD behind Caffe's convolutions: IoU 0.45."""
    net = cv2.dnn.readNetFromCaffe(
        str(_file(weights, "mobilenet_ssd_voc.prototxt")), str(_file(weights, "mobilenet_ssd_voc.caffemodel"))
    )
    small = cv2.resize(picture, (300, 300), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    net.setInput(((small - 127.5) / 127.5).transpose(2, 0, 1)[None].copy())
    parts = net.forward(["mbox_loc", "mbox_conf_flatten", "mbox_priorbox"])
    return _ssd(picture, parts, CONFIDENCE, 0.45, 0)


def ssd_mobilenet_v2(weights, picture):
    """The same behind TensorFlow's: IoU 0.6."""
    net = cv2.dnn.readNetFromTensorflow(
        str(_file(weights, "ssd_mobilenet_v2_coco.pb")), str(_file(weights, "ssd_mobilenet_v2_coco.pbtxt"))
    )
    small = cv2.resize(picture, (300, 300), interpolation=cv2.INTER_LINEAR)[:, :, ::-1].astype(np.float32)
    net.setInput(small.transpose(2, 0, 1)[None].copy())
    parts = net.forward(["BoxEncodingPredictor/concat", "ClassPredictor/concat/sigmoid", "PriorBox/concat"])
    return _ssd(picture, parts, CONFIDENCE, 0.6, 1)


#: model -> its reference
REFERENCES: dict[str, Callable] = {
    "yolox-nano": yolox,
    "nanodet-m": nanodet,
    "yolo-fastestv2": fastest,
    "yolov4-tiny": yolov4_tiny,
    "yolov2-tiny": yolov2_tiny,
    "yolov5n": yolov5,
    "mobilenet-ssd": mobilenet_ssd,
    "ssd-mobilenet-v2": ssd_mobilenet_v2,
}


def main(assets: Path) -> None:
    golden = json.loads(GOLDEN.read_text("utf-8")) if GOLDEN.exists() else {}
    for model, reference in REFERENCES.items():
        try:
            golden[model] = {
                name: reference(assets / "weights", cv2.imread(str(assets / "pictures" / name)))
                for name in PICTURES
            }
        except FileNotFoundError as error:
            print(f"{model}: {error} is not here, its numbers stay")
    GOLDEN.write_text(json.dumps(golden, indent=None, separators=(",", ":")).replace('"},', '"},\n'), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
