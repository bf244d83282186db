"""Networks whose answer is not boxes: class maps, mattes, labels, pictures.

In a notebook::

    from detectors.vision import Classifier
    from vidstream.types import View
    labels = Classifier().classify(View(cv2.imread("eagle.jpg")))
"""

from detectors.vision.classify import Classifier, ClassifyParams, crops
from detectors.vision.matte import MatteNetwork, MatteParams
from detectors.vision.option import VisionOption
from detectors.vision.picture import PictureNetwork, PictureParams
from detectors.vision.semantic import SemanticParams, SemanticSegmenter, area_shares
from detectors.vision.similarity import most_similar

__all__ = [
    "Classifier",
    "ClassifyParams",
    "MatteNetwork",
    "MatteParams",
    "PictureNetwork",
    "PictureParams",
    "SemanticParams",
    "SemanticSegmenter",
    "VisionOption",
    "area_shares",
    "crops",
    "most_similar",
]
