"""Every network whose files are here: which engines run it, how right and how fast it is, and what it sees.

``python -m benchmarks.families`` writes docs/families.md and out/families.jpg. Networks are those of
the catalogue whose files are found (``VIDSTREAM_MODELS``, the cache); pictures come from the assets
(``VIDSTREAM_ASSETS``). Boxes are compared with tests/detectors/families/golden.json: what the networks' own
frameworks give for the same pictures. Times are of one thread, the best of several rounds in turn.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from detectors import catalogue
from detectors.catalogue import Card
from detectors.dnn.detector import DnnDetector, DnnParams
from detectors.dnn.engines.base import Engine, Outputs
from detectors.dnn.engines.choose import open_engine
from detectors.dnn.preprocess import Preprocessor
from vidstream import Pipeline, geometry
from vidstream.errors import VidstreamError
from vidstream.types import Detections, View
from vidstream.types.values import ModelName

_ROOT = Path(__file__).resolve().parents[1]
_PAGE, _SHEET = _ROOT / "docs" / "families.md", _ROOT / "out" / "families.jpg"
_ASSETS = Path(os.environ.get("VIDSTREAM_ASSETS") or _ROOT.parent / "shared" / "assets")
_GOLDEN = _ROOT / "tests" / "detectors" / "families" / "golden.json"
_ENGINES = {"opencv": "opencv-contrib-python", "onnxruntime": "onnxruntime", "openvino": "openvino"}
_TITLES = {"opencv": "OpenCV", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}
_ROUNDS = 5
#: ms of a network that is not run more than twice
_SLOW = 400.0
#: a tile of the contact sheet, and how many in a row
_TILE, _ACROSS, _QUALITY = (400, 300), 4, 66

#: task -> graph that shows what a network of it sees ({} is the network's name), and the picture it sees
_SHOWN: Mapping[str, tuple[Mapping[str, Mapping[str, Any]], str]] = {
    "detect": ({"find": {"use": "detect.dnn", "model": "{}"}}, "dog.jpg"),
    "segment": ({"find": {"use": "detect.dnn", "model": "{}"}}, "horses.jpg"),
    "pose": ({"find": {"use": "detect.dnn", "model": "{}", "confidence": 0.3}}, "bus.jpg"),
    "face": ({"find": {"use": "detect.faces", "model": "{}"}}, "zidane.jpg"),
    "classify": ({"what": {"use": "classify.frame", "model": "{}"}}, "bus.jpg"),
    "semantic": ({"map": {"use": "segment.semantic", "model": "{}"}}, "horses.jpg"),
    "matte": (
        {"fore": {"use": "segment.matte", "model": "{}"}, "back": {"use": "effect.background"}},
        "zidane.jpg",
    ),
    "picture": ({"paint": {"use": "effect.network", "model": "{}"}}, "bus.jpg"),
    "text-detect": ({"find": {"use": "detect.text", "model": "{}"}}, "text.png"),
    "text-read": ({"read": {"use": "ocr.network", "model": "{}"}}, "text.png"),
}
#: what is best seen in another picture
_PICTURES = {
    "yolov8": "bus.jpg",
    "nanodet": "bus.jpg",
    "darknet": "horses.jpg",
    "yolo-fastestv2": "zidane.jpg",
    "blazeface": "obama.jpg",
    "ssd-face": "obama.jpg",
}
#: the network that stands for its family, where that is not the first by name
_CHOSEN = ("yolov4-tiny", "squeezenet", "ssd-mobilenet-v2", "yolov8n", "ssd-face")


class Agreement(NamedTuple):
    """How boxes agree with those of a reference."""

    #: of so many boxes of the reference
    wanted: int
    #: so many have a counterpart of their class at IoU 0.9
    found: int
    #: largest differences of those, in pixels and in score
    pixels: float
    score: float


class Row(NamedTuple):
    """What was measured of one network."""

    card: Card
    #: engine -> ms per picture, its forward pass alone; engines that do not run it are left out
    times: Mapping[str, float]
    #: how its boxes agree with the reference's; None without one
    agreement: Agreement | None = None
    #: largest difference of outputs between engines, in shares of their range
    engines: float | None = None


def main() -> None:
    """Measure, print, write the page and the sheet."""
    cv2.setNumThreads(1)
    golden = json.loads(_GOLDEN.read_text("utf-8"))
    cards = [entry.card for entry in catalogue.entries() if entry.paths is not None]
    cards.sort(key=lambda card: (list(_SHOWN).index(card.task) if card.task in _SHOWN else 99, card.family))
    rows = [_measured(card, golden.get(card.name)) for card in cards]
    text = _page([row for row in rows if row.times])
    print(text)
    _PAGE.write_text(text, encoding="utf-8")
    _SHEET.parent.mkdir(exist_ok=True)
    sheet = _contact_sheet([row.card for row in rows])
    cv2.imwrite(str(_SHEET), sheet, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    print(f"{_SHEET}: {_SHEET.stat().st_size // 1000} kB")


def _measured(card: Card, golden: Mapping[str, Sequence[Mapping[str, Any]]] | None) -> Row:
    """All figures of one network; a line on standard output tells why an engine does not run it."""
    engines = dict(_opened(card))
    view = View(_read("bus.jpg"))
    times, outputs = _raced(engines, card, view)
    for name in list(times)[1:]:  # an engine that reads a file differently does not run the network
        if [o.size for o in outputs[name]] != [o.size for o in next(iter(outputs.values()))]:
            print(f"{card.name}, {name}: gives outputs of other shapes")
            del times[name], outputs[name]
    agreement = _agreement(card, golden) if golden and engines else None
    return Row(card, times, agreement, _spread(list(outputs.values())))


def _opened(card: Card) -> Iterator[tuple[str, Engine]]:
    for name in ("opencv", "onnxruntime", "openvino"):
        try:
            _, data = catalogue.load(card.name)
            yield name, open_engine(card, data, engine=name, device="cpu")[0]
        except VidstreamError as error:
            print(f"{card.name}, {name}: {error}")


def _raced(
    engines: Mapping[str, Engine], card: Card, view: View
) -> tuple[dict[str, float], dict[str, Outputs]]:
    """Best time of each engine in ms, in turn; and what they gave."""
    blob = Preprocessor(card.input)(view)[0].copy() if engines else np.zeros(0, np.float32)
    times: dict[str, float] = {}
    outputs: dict[str, Outputs] = {}
    for number in range(_ROUNDS):
        for name, engine in engines.items():
            if number > 1 and times[name] > _SLOW:  # twice is enough
                continue
            started = time.perf_counter()
            outputs[name] = [output.copy() for output in engine.run(blob)]
            taken = 1000 * (time.perf_counter() - started)
            times[name] = min(taken, times.get(name, taken))
    return times, outputs


def _spread(outputs: Sequence[Outputs]) -> float | None:
    """The largest difference between engines, in shares of each output's range; None where one runs alone."""
    if len(outputs) < 2:
        return None
    first, others = outputs[0], outputs[1:]
    return max(
        float(np.abs(a.ravel().astype(float) - b.ravel()).max() / max(np.ptp(a), 1e-9))
        for other in others
        for a, b in zip(first, other, strict=True)
    )


def _agreement(card: Card, golden: Mapping[str, Sequence[Mapping[str, Any]]]) -> Agreement:
    """The largest distance in pixels and in score from the reference's boxes."""
    detector = DnnDetector(DnnParams(model=ModelName(card.name), confidence=0.25, iou=0.45))
    wanted, distances = 0, [(0.0, 0.0)]
    for name, rows in golden.items():
        found = detector.detect(View(_read(name)))
        wanted += len(rows)
        for row in rows:
            at = _nearest(row, found)
            if at is not None:
                apart = float(np.abs(found.boxes[at] - row["box"]).max())
                distances.append((apart, abs(float(found.scores[at]) - row["score"])))
    pixels, scores = zip(*distances, strict=True)
    return Agreement(wanted, len(distances) - 1, max(pixels), max(scores))


def _nearest(row: Mapping[str, Any], found: Detections) -> int | None:
    """The box of the row's class that overlaps it most; None where the network did not give it here."""
    box = np.array([row["box"]], np.float32)
    overlap = np.where(found.class_ids == row["class"], geometry.iou(box, found.boxes)[0], 0.0)
    return int(overlap.argmax()) if len(found) and overlap.max() > 0.9 else None


#: what stands above the table
_TEXT = """# Families of networks

Made by `python -m benchmarks.families` with {versions},
on one thread of a CPU. Times are shares of OpenCV's (of the first engine that runs it, where OpenCV does
not): 0.5 is twice as fast; `-` where an engine does not run the file.

*Boxes*: those that the network's own framework finds in bus, dog, zidane and horses, and how many of them
this project finds at IoU 0.9; *px* and *score*: the largest differences of these. The references are
Ultralytics (yolov8n, yolo11n-seg, yolo11n-pose), LiteRT (efficientdet-lite0, which is in eight bits, and
rounds differently in OpenCV), and the published loops on ONNX Runtime, or behind the last convolutions
(`tests/support/reference_boxes.py`). *Engines*: the largest difference between the outputs of the engines,
in shares of their range. Families whose weights could not be had are in
[families_without_weights.md](families_without_weights.md).

The command also draws one picture per family, on a sheet: {sheet} (the pictures are not ours to show here).

"""
_HEAD = ("task", "family", "network", "licence", *_TITLES.values(), "boxes", "px", "score", "engines")


def _page(rows: Sequence[Row]) -> str:
    versions = ", ".join(f"{_TITLES[name]} {version(package)}" for name, package in _ENGINES.items())
    text = _TEXT.format(versions=versions, sheet=_SHEET.relative_to(_ROOT))
    lines = [f"| {' | '.join(_HEAD)} |", "|---" * len(_HEAD) + "|"]
    lines += [_line(row) for row in rows]
    return text + "\n".join([*lines, ""])


def _line(row: Row) -> str:
    base = row.times.get("opencv") or next(iter(row.times.values()))
    times = [f"{row.times[name] / base:.2f}" if name in row.times else "-" for name in _ENGINES]
    agreed = row.agreement
    figures = [
        *(
            (f"{agreed.found} of {agreed.wanted}", f"{agreed.pixels:.2f}", f"{agreed.score:.4f}")
            if agreed
            else ("", "", "")
        ),
        f"{row.engines:.0e}" if row.engines is not None else "",
    ]
    card = row.card
    return f"| {' | '.join([card.task, card.family, card.name, card.terms, *times, *figures])} |"


def _contact_sheet(cards: Sequence[Card]) -> npt.NDArray[np.uint8]:
    """One annotated picture per family, with its name below."""
    tiles: dict[str, npt.NDArray[np.uint8]] = {}
    first = {card.family: card for card in reversed(cards)}
    first |= {card.family: card for card in cards if card.name in _CHOSEN}
    for card in sorted(first.values(), key=cards.index):
        if card.task in _SHOWN:
            try:
                tiles[card.family] = _tile(_seen(card), f"{card.family}: {card.name}")
            except VidstreamError as error:
                print(f"{card.name}: not shown: {error}")
    width, height = _TILE
    rows = -(-len(tiles) // _ACROSS)
    sheet = np.full((rows * height, _ACROSS * width, 3), 24, np.uint8)
    for place, tile in enumerate(tiles.values()):
        y, x = place // _ACROSS * height, place % _ACROSS * width
        sheet[y : y + height, x : x + width] = tile
    return sheet


def _seen(card: Card) -> npt.NDArray[np.uint8]:
    """What the overlay shows of the network's picture."""
    graph, picture = _SHOWN[card.task]
    name = _PICTURES.get(card.family, picture)
    stages = {
        key: {k: card.name if v == "{}" else v for k, v in options.items()} for key, options in graph.items()
    }
    # as large as they are to be seen on the small tile
    height, width = _read(name).shape[:2]
    shrunk = max(width / _TILE[0], height / _TILE[1])
    draw = {
        "use": "draw.overlay",
        "hud": False,
        "boxes": "full",
        "thickness": max(2, round(2 * shrunk)),
        "font_size": round(13 * shrunk),
        "opacity": 0.0 if card.task == "matte" else 0.5,
    }
    pipeline = Pipeline.build(source=str(_ASSETS / "pictures" / name), graph={**stages, "draw": draw})
    return next(np.asarray(packet["draw"].pixels, np.uint8) for packet in pipeline)


def _tile(pixels: npt.NDArray[np.uint8], label: str) -> npt.NDArray[np.uint8]:
    """The picture within a tile, its label below."""
    width, height = _TILE[0], _TILE[1] - 24
    scale = min((width - 4) / pixels.shape[1], (height - 4) / pixels.shape[0])
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    tile = np.full((_TILE[1], width, 3), 24, np.uint8)
    y, x = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    tile[y : y + small.shape[0], x : x + small.shape[1]] = small
    cv2.putText(tile, label, (6, height + 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (230, 230, 230), 1, cv2.LINE_AA)
    return tile


def _read(name: str) -> npt.NDArray[np.uint8]:
    pixels = cv2.imread(str(_ASSETS / "pictures" / name))
    if pixels is None:
        raise SystemExit(f"no picture {name} in {_ASSETS}; point VIDSTREAM_ASSETS at the assets folder")
    return np.asarray(pixels, np.uint8)


if __name__ == "__main__":
    main()
