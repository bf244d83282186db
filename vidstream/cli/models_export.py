"""`models export`: an Ultralytics model as ONNX, and the proof that OpenCV gives the same boxes."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vidstream.errors import ModelError, UsageError

if TYPE_CHECKING:
    from detectors.catalogue import Card
    from detectors.catalogue.card import Terms
    from detectors.dnn.engines.base import Engine

#: so many of a picture's boxes, the surest, are compared
_BOXES = 100
#: largest differences that count as equal: pixels, and score
_PIXELS, _SCORE = 0.5, 0.01


class Difference(NamedTuple):
    """How far apart two engines are on one picture."""

    boxes: float
    scores: float


def add_action(actions: Any) -> None:
    """Add `models export`."""
    what = "make ONNX of an Ultralytics .pt file, prove it in OpenCV, and add it to the catalogue"
    parser = actions.add_parser("export", help=what, description=what)
    parser.set_defaults(act=export_model)
    parser.add_argument("file", type=Path, metavar="FILE.pt", help="the model; it is loaded in safe mode")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: the cache folder of models")
    parser.add_argument("--imgsz", type=int, default=640, metavar="PIXELS", help="input size (default 640)")
    parser.add_argument("--name", default="", help="name in the catalogue (default: the file's)")


def export_model(options: argparse.Namespace) -> int:
    """Export, prove, add; gives 0, as all that goes wrong is raised."""
    from detectors import catalogue
    from detectors.catalogue.card import MAIN
    from detectors.dnn.describe import describe
    from detectors.dnn.engines.opencv import OpenCvEngine
    from detectors.dnn.ultralytics.engine import UltralyticsEngine
    from detectors.dnn.ultralytics.process import Process

    source, where = options.file, f"model '{options.file}'"
    if source.suffix.lower() != ".pt" or not source.is_file():
        raise UsageError("is no .pt file", where=where, fix="check the path")
    if options.imgsz < 32 or options.imgsz % 32:
        raise UsageError(f"--imgsz {options.imgsz}", fix="give a multiple of 32")
    size = [options.imgsz, options.imgsz]
    with tempfile.TemporaryDirectory() as folder:
        _say(f"exporting {source} at {options.imgsz} x {options.imgsz}; this takes a minute")
        process = Process(where)
        made, _ = process.ask("export", path=str(source.resolve()), size=size, folder=folder)
        pictures = [Path(path) for path in process.ask("pictures")[0]["paths"]]
        process.close()
        onnx = Path(made["path"])
        card, data = describe(onnx, name=options.name or _name(source))
        card = _licensed(card, data[MAIN])
        ours = OpenCvEngine(data, device="cpu", where=where)
        theirs = UltralyticsEngine(source, device="cpu", size=size, where=where)
        _prove(card, ours, theirs, pictures, where)
        theirs.close()
        kept = catalogue.add(data, card, options.out)
    print(f"{card.name}: {kept} ({card.family}, {len(card.names)} classes, {card.licence})")
    return 0


def _prove(card: Card, ours: Engine, theirs: Engine, pictures: Sequence[Path], where: str) -> None:
    """Print how far apart they are on each picture. ModelError where that is too far."""
    import cv2
    import numpy as np

    from vidstream.types import View

    for path in pictures:
        view = View(np.asarray(cv2.imread(str(path)), np.uint8))
        apart = difference(card, ours, theirs, view)
        print(
            f"{path.name}: OpenCV's {_BOXES} surest boxes differ from the package's by at most"
            f" {apart.boxes:.2g} pixels, their scores by {apart.scores:.2g}"
        )
        if not (apart.boxes <= _PIXELS and apart.scores <= _SCORE):
            raise ModelError(
                "OpenCV does not give the package's boxes: it is not added",
                where=where,
                fix="run it with engine: ultralytics, or another engine",
            )


def difference(card: Card, ours: Engine, theirs: Engine, view: Any) -> Difference:
    """The largest differences between each of their surest boxes and the nearest of ours, in input pixels."""
    import numpy as np

    from detectors.dnn.families import family
    from detectors.dnn.preprocess import Preprocessor

    decode = family(card.family, f"model '{card.name}'").decoder(card)
    blob, _ = Preprocessor(card.input)(view)
    one, other = decode(ours.run(blob), 0.0), decode(theirs.run(blob), 0.0)
    surest = np.argsort(-other.scores, kind="stable")[:_BOXES]
    apart = np.abs(other.boxes[surest, None] - one.boxes[None]).max(axis=2)
    scores = np.abs(other.scores[surest, None] - one.scores[None])
    # several rows may give one box; of those, the one with the nearest score is meant
    nearest = np.argmin(apart + scores, axis=1)
    rows = np.arange(len(surest))
    return Difference(
        float(apart[rows, nearest].max(initial=0.0)), float(scores[rows, nearest].max(initial=0.0))
    )


def _licensed(card: Card, data: bytes) -> Card:
    """With the licence that the exporter notes."""
    from detectors.dnn.onnx_header import read_onnx_header

    noted = read_onnx_header(data, card.name).metadata.get("license", "")
    terms: Terms = "copyleft" if "GPL" in noted else "unknown"
    origin = "made with: python run.py models export"
    return dataclasses.replace(card, licence=noted[:100] or card.licence, terms=terms, origin=origin)


def _name(path: Path) -> str:
    from detectors.catalogue.card import name_of

    return name_of(path)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
