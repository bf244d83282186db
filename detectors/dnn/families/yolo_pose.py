"""Bodies of YOLOv8-pose and YOLO11-pose: key points beside each box."""

from __future__ import annotations

import ast
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card
from detectors.dnn.engines.base import Outputs
from detectors.dnn.families.base import Candidates, Decoder, Family, best_class, misfit
from detectors.dnn.families.yolo import head_columns, head_values
from detectors.dnn.onnx_header import OnnxHeader

#: key points of a body, and numbers per point, where nothing else is said: COCO's 17, x y visibility
BODY = (17, 3)


def key_points(values: npt.NDArray[np.float32], shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """(N, K * 2 or K * 3) as (N, K, 3) x y score; a network that gives no score is sure."""
    points = values.reshape(len(values), *shape)
    if shape[1] == 2:
        points = np.concatenate([points, np.ones_like(points[..., :1])], axis=2)
    return np.asarray(points, np.float32)


def point_shape(options: Mapping[str, object]) -> tuple[int, int]:
    """Key points and numbers per point, of a card's options `keypoints` and `dimensions`."""
    return int(str(options.get("keypoints", BODY[0]))), int(str(options.get("dimensions", BODY[1])))


def noted_points(header: OnnxHeader) -> tuple[int, int]:
    """Key points and numbers per point as Ultralytics notes them (``[17, 3]``), or a body's."""
    try:
        count, numbers = ast.literal_eval(header.metadata.get("kpt_shape", "")[:64])
        return int(count), int(numbers)
    except (ValueError, SyntaxError, TypeError):
        return BODY


def decode_yolo_pose(
    outputs: Outputs, width: int, height: int, shape: tuple[int, int], confidence: float
) -> Candidates:
    """(1, 4 + C + K * D, cells) of centre, size, class scores, and K points x y (score), in input pixels."""
    columns = head_columns(outputs, width, height, "yolov8-pose")
    end = len(columns) - shape[0] * shape[1]
    if end < 5:
        raise misfit("yolov8-pose", f"4 + classes + {shape[0]} x {shape[1]} values", outputs)
    picked = np.flatnonzero(columns[4:end].max(axis=0) >= confidence)
    found = columns[:, picked].T
    boxes, scores, class_ids, best = best_class(found[:, :4], found[:, 4:end], confidence)
    return Candidates(boxes, scores, class_ids, keypoints=key_points(found[best, end:], shape))


def _decoder(card: Card) -> Decoder:
    width, height, shape = card.input.width, card.input.height, point_shape(card.options)
    return lambda outputs, confidence: decode_yolo_pose(outputs, width, height, shape, confidence)


def _classes(header: OnnxHeader, width: int, height: int) -> int:
    count, numbers = noted_points(header)
    left = head_values(header, width, height) - 4 - count * numbers
    noted = "kpt_shape" in header.metadata
    # without a note only the usual shape, one class, is taken for a body's
    return left if len(header.outputs) == 1 and left > 0 and (noted or left == 1) else 0


YOLOV8_POSE = Family("yolov8-pose", "pose", _decoder, _classes, std=(255.0, 255.0, 255.0))
