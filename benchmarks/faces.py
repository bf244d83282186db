"""The tables of docs/faces.md: detectors, landmarks and vectors of faces on the assets.

    python -m benchmarks.faces ASSETS [--models DIR]     writes between the marks of docs/faces.md

Times are ratios within one run, on one core: run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from detectors.base import Detector
from detectors.faces.calibrate import pairs, roc, summary
from detectors.faces.detect import FaceParams, find_face_detector
from detectors.faces.embed import EmbedParams, FaceEmbedder, find_embedder
from detectors.faces.landmarks import LandmarkFinder
from detectors.faces.points import eye_distance, five
from detectors.haar import HaarDetector
from vidstream.geometry import iou
from vidstream.types import Detections, View
from vidstream.types.values import ModelName

Array: TypeAlias = npt.NDArray[np.float32]
Truth: TypeAlias = Mapping[str, tuple[View, Detections, Array]]

PAGE = Path(__file__).resolve().parent.parent / "docs" / "faces.md"
#: name in the table, model, how often the picture is doubled
DETECTORS: Sequence[tuple[str, str, int]] = (
    ("YuNet, 640", "yunet", 0),
    ("YuNet, 320", "yunet-320", 0),
    ("YuNet, 1280", "yunet-1280", 0),
    ("SCRFD 0.5 GF, 640", "scrfd-500m", 0),
    ("RetinaFace MobileNet, 320", "retinaface-mnet", 0),
    ("SSD ResNet-10, 300", "ssd-face", 0),
    ("BlazeFace, 128", "blazeface", 0),
    ("MTCNN", "mtcnn", 0),
    ("dlib HoG", "dlib-hog", 0),
    ("dlib HoG, picture doubled", "dlib-hog", 1),
)
#: detectors whose faces landmarks are looked for in
FINDERS = (("YuNet, 640", "yunet"), ("MTCNN", "mtcnn"), ("SSD ResNet-10 (boxes only)", "ssd-face"))
EMBEDDERS = ("sface", "sface-fp32", "arcface-mbf", "dlib-resnet", "lbph", "eigen")
_OVERLAP = 0.4


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("assets", type=Path)
    parser.add_argument("--models", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    truth = faces_with_landmarks(options.assets)
    tables = {
        "detectors": detector_table(truth, options.models),
        "landmarks": landmark_table(truth, options.models),
        "vectors": vector_table(options.assets, truth, options.models),
    }
    text = PAGE.read_text("utf-8")
    for name, table in tables.items():
        before, _, rest = text.partition(f"<!-- {name} -->\n")
        text = f"{before}<!-- {name} -->\n{table}<!-- end -->{rest.partition('<!-- end -->')[2]}"
        print(table)
    PAGE.write_text(text, "utf-8")


def faces_with_landmarks(assets: Path) -> Truth:
    """Picture name -> its view, its true faces, their 68 points (N, 68, 2)."""
    truth = {}
    for part in ("testing", "training"):
        for image in ET.parse(assets / f"faces/{part}_with_face_landmarks.xml").getroot().iter("image"):
            boxes, points = [], []
            for box in image.iter("box"):
                x, y, w, h = (float(box.attrib[k]) for k in ("left", "top", "width", "height"))
                boxes.append([x, y, x + w, y + h])
                parts = sorted(box.iter("part"), key=lambda p: int(p.attrib["name"]))
                points.append([(float(p.attrib["x"]) + 0.5, float(p.attrib["y"]) + 0.5) for p in parts])
            name = image.attrib["file"]
            truth[name] = (read(assets / "faces" / name), Detections.of(boxes), np.array(points, np.float32))
    return truth


def detectors(models: Path | None) -> Iterator[tuple[str, Detector]]:
    """Those whose files are here, by their names in the table."""
    for name, model, doubled in DETECTORS:
        yield name, find_face_detector(FaceParams(model=ModelName(model), upsample=doubled), models=models)
    yield "Haar, frontalface_alt2", HaarDetector()


def detector_table(truth: Truth, models: Path | None) -> str:
    """Precision and recall at IoU 0.4 on the 43 faces, time as a share of YuNet's at 640."""
    rows, base = [], 0.0
    views = [view for view, _, _ in truth.values()]
    for name, detector in detectors(models):
        hits = count = 0
        seconds = spent(detector.detect, views)
        base = base or seconds
        for view, faces, _ in truth.values():
            found = detector.detect(view)
            overlap = iou(found.boxes, faces.boxes)
            hits += int((overlap[linear_sum_assignment(-overlap)] >= _OVERLAP).sum())
            count += len(found)
        points = detector.detect(next(iter(truth.values()))[0]).keypoints
        rows.append((name, f"{hits / max(count, 1):.2f}", f"{hits / 43:.2f}", f"{seconds / base:.2f}",
                     "-" if points is None else str(points.shape[1])))  # fmt: skip
    return markdown(("detector", "precision", "recall", "time", "landmarks"), rows)


def landmark_table(truth: Truth, models: Path | None) -> str:
    """Mean and largest distance to the true points, in distances between the eyes."""
    finder = LandmarkFinder()
    rows = [("true boxes", *errors(truth, finder, lambda view, true: true))]
    for name, model in (
        ("YuNet, 640", "yunet"),
        ("MTCNN", "mtcnn"),
        ("SSD ResNet-10 (boxes only)", "ssd-face"),
    ):
        detector = find_face_detector(FaceParams(model=ModelName(model)), models=models)

        def nearest(view: View, true: Detections, found_by: Detector = detector) -> Detections:
            found = found_by.detect(view)
            return found[iou(true.boxes, found.boxes).argmax(axis=1)]

        rows.append((name, *errors(truth, finder, nearest)))
    return markdown(("faces from", "68 points, mean", "68 points, worst", "the detector's own 5, mean"), rows)


def errors(
    truth: Truth, finder: LandmarkFinder, faces_in: Callable[[View, Detections], Detections]
) -> tuple[str, str, str]:
    """The cells of a row."""
    full, short = [], []
    for view, true, points in truth.values():
        faces, apart = faces_in(view, true), eye_distance(points)
        marks = finder.find(view, faces).keypoints
        assert marks is not None
        full += (np.linalg.norm(marks[:, :, :2] - points, axis=2).mean(axis=1) / apart).tolist()
        if faces.keypoints is not None:
            own, real = five(faces.keypoints), five(points)
            assert own is not None
            assert real is not None
            short += (np.linalg.norm(own - real, axis=2).mean(axis=1) / apart).tolist()
    return f"{np.mean(full):.3f}", f"{np.max(full):.3f}", f"{np.mean(short):.3f}" if short else "-"


def vector_table(assets: Path, truth: Truth, models: Path | None) -> str:
    """How well pairs of faces are told apart: two clips and four portraits, and 43 strangers."""
    faces = list(some_faces(assets, truth, find_face_detector(models=models)))
    names = [name for name, _, _ in faces]
    rows, base = [], 0.0
    for model in EMBEDDERS:
        embedder = find_embedder(EmbedParams(model=ModelName(model)), models=models)
        seconds = spent(partial(_embed, embedder), faces)
        base = base or seconds
        vectors = np.concatenate([embedder.embed(view, face) for _, view, face in faces])
        found = summary(roc(*pairs(model, names, vectors)), 0.001)
        rates = [f"{found[key]:.1%}" for key in ("equal_error", "true_accepts")]
        counts = f"{found['genuine']} / {found['impostor']}"
        rows.append((model, *rates, f"{found['threshold']:.3f}", counts, f"{seconds / base:.2f}"))
    columns = (
        "model",
        "equal error",
        "true accepts at 0.1 % false",
        "threshold there",
        "pairs same / other",
        "time",
    )
    return markdown(columns, rows)


def _embed(embedder: FaceEmbedder, face: tuple[str, View, Detections]) -> Array:
    return embedder.embed(face[1], face[2])


def some_faces(assets: Path, truth: Truth, detector: Detector) -> Iterator[tuple[str, View, Detections]]:
    """Name, picture, face: several in one picture are several people."""
    stills = [("obama", "obama"), ("obama", "obama2"), ("biden", "biden"), ("zidane", "zidane")]
    seen = [(name, read(assets / f"pictures/{file}.jpg")) for name, file in stills]
    for clip in ("face_single", "face_talking"):
        seen += [(clip, view) for view in frames(assets / f"video/{clip}.mp4", 12)]
    for name, view in [*seen, *((name, view) for name, (view, _, _) in truth.items())]:
        found = detector.detect(view)
        for i in range(len(found)):
            yield (f"{name}{i}" if len(found) > 1 else name), view, found[[i]]


def read(path: Path) -> View:
    """A picture."""
    return View(np.asarray(cv2.imread(str(path)), np.uint8))


def frames(path: Path, count: int) -> Iterator[View]:
    """Every 15th frame of a clip, so many at most."""
    capture = cv2.VideoCapture(str(path))
    for number in range(15 * count):
        good, pixels = capture.read()
        if not good:
            break
        if number % 15 == 0:
            yield View(np.asarray(pixels, np.uint8))
    capture.release()


def spent(work: Callable[[Any], object], items: Sequence[Any]) -> float:
    """CPU seconds of doing it to each of them, the better of two runs."""
    found = []
    for _ in range(2):
        start = time.process_time()
        for item in items:
            work(item)
        found.append(time.process_time() - start)
    return min(found)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
