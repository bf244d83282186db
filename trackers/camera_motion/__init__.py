"""How the camera moved between two pictures, so that trackers can take its motion out of the objects'.

>>> from trackers.camera_motion import METHODS, warp_boxes
>>> camera = METHODS["sparse_flow"]()
>>> sorted(METHODS)
['ecc', 'orb', 'sparse_flow']
"""

from collections.abc import Callable, Mapping
from typing import Final

from trackers.camera_motion.base import CameraMotion, Motion
from trackers.camera_motion.boxes import from_boxes, scale_of, warp_boxes
from trackers.camera_motion.ecc import Ecc
from trackers.camera_motion.flow import SparseFlow
from trackers.camera_motion.orb import Orb

#: names for people to choose by
METHODS: Final[Mapping[str, Callable[[], CameraMotion]]] = {"sparse_flow": SparseFlow, "ecc": Ecc, "orb": Orb}

__all__ = [
    "METHODS",
    "CameraMotion",
    "Ecc",
    "Motion",
    "Orb",
    "SparseFlow",
    "from_boxes",
    "scale_of",
    "warp_boxes",
]
