"""Families of networks that give boxes: how each wants its input, and how its outputs are decoded."""

from __future__ import annotations

from detectors.dnn.families.anchor_boxes import EFFICIENTDET, RETINANET, SSD_ANCHORS
from detectors.dnn.families.base import Candidates, Family
from detectors.dnn.families.darknet import DARKNET
from detectors.dnn.families.detr import DETR, RT_DETR, SSD_BOXES, YOLO_NAS
from detectors.dnn.families.end2end import END2END, END2END_POSE, END2END_SEG
from detectors.dnn.families.faces import BLAZEFACE, RETINAFACE, SCRFD, SSD_FACE, YUNET
from detectors.dnn.families.fastest import YOLO_FASTESTV2
from detectors.dnn.families.nanodet import NANODET, NANODET_PLUS
from detectors.dnn.families.openpose import OPENPOSE
from detectors.dnn.families.rcnn import LISTED, MASK_RCNN, MASK_RCNN_TF, TORCHVISION
from detectors.dnn.families.ssd import SSD
from detectors.dnn.families.yolo import YOLOV8, YOLOX
from detectors.dnn.families.yolo_anchors import YOLOV5, YOLOV5_RAW
from detectors.dnn.families.yolo_pose import YOLOV8_POSE
from detectors.dnn.families.yolo_seg import YOLOV8_SEG
from vidstream.errors import ModelError, did_you_mean

__all__ = ["FAMILIES", "Candidates", "Family", "family"]

#: name -> family
FAMILIES = {
    family.name: family
    for family in (
        YOLOX,
        YOLOV8,
        YOLOV8_SEG,
        YOLOV8_POSE,
        DARKNET,
        NANODET,
        NANODET_PLUS,
        YOLO_FASTESTV2,
        SSD,
        SSD_ANCHORS,
        SSD_BOXES,
        YOLOV5,
        YOLOV5_RAW,
        YOLO_NAS,
        END2END,
        END2END_SEG,
        END2END_POSE,
        DETR,
        RT_DETR,
        LISTED,
        RETINANET,
        EFFICIENTDET,
        TORCHVISION,
        MASK_RCNN,
        MASK_RCNN_TF,
        OPENPOSE,
        YUNET,
        SSD_FACE,
        BLAZEFACE,
        SCRFD,
        RETINAFACE,
    )
}


def family(name: str, where: str) -> Family:
    """A family by its name. ModelError where no decoder for it is known."""
    if name not in FAMILIES:
        hint = did_you_mean(name, list(FAMILIES)) or f"known are {', '.join(FAMILIES)}"
        raise ModelError(f"no decoder for the family '{name}'", where=where, fix=hint)
    return FAMILIES[name]
