"""How well boxes agree with the truth: COCO's measures, confusions, and what goes wrong where."""

from detectors.evaluation.average_precision import MEASURES, Evaluation, evaluate
from detectors.evaluation.confusion import Confusion, confusion
from detectors.evaluation.faults import KINDS, Fault, find_faults, gains
from detectors.evaluation.objects import Dataset, Found, Picture, Truth, gather
from detectors.evaluation.operating import Curve, Operating, curve
from detectors.evaluation.rules import Rules

__all__ = [
    "KINDS",
    "MEASURES",
    "Confusion",
    "Curve",
    "Dataset",
    "Evaluation",
    "Fault",
    "Found",
    "Operating",
    "Picture",
    "Rules",
    "Truth",
    "confusion",
    "curve",
    "evaluate",
    "find_faults",
    "gains",
    "gather",
]
