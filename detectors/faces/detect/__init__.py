"""Finding faces: networks in one pass, MTCNN's cascade of three, dlib's histograms of gradients."""

from detectors.faces.detect.choose import FaceDetector, check, find_face_detector
from detectors.faces.detect.params import DLIB_HOG, FaceParams

__all__ = ["DLIB_HOG", "FaceDetector", "FaceParams", "check", "find_face_detector"]
