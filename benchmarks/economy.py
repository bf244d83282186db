"""What looking at less, or closer, gains and costs: ``python -m benchmarks.economy``.

Times are CPU milliseconds per frame on one thread, all ways to look taking turns on each frame. Prints the
tables and writes them into docs/small_objects.md; needs the clips, ground truth and weights of
``VIDSTREAM_ASSETS``.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import av
import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from detectors.base import Detector
from detectors.dnn.detector import DnnDetector, DnnParams
from detectors.focus import FocusedDetector, Sight
from detectors.gating import MotionGate, MovingParams
from detectors.hog import HogDetector, HogParams
from detectors.motion import MotionDetector
from detectors.regions import RegionParams, Regions
from detectors.tiling import TileParams
from trackers.bytetrack import ByteTrackParams, ByteTrackTracker
from trackers.evaluation import evaluate
from trackers.motfile import MotRows, read_mot
from trackers.sort import SortParams, SortTracker
from vidstream.geometry import iou
from vidstream.stages.filter.objects import FilterObjects, FilterParams
from vidstream.types import Boxes, Detections, FrameInfo, StreamInfo, View
from vidstream.types.values import Box, ModelName, Point, Polygon

_ROOT = Path(__file__).resolve().parents[1]
_PAGE = _ROOT / "docs" / "small_objects.md"
_ASSETS = Path(os.environ.get("VIDSTREAM_ASSETS") or _ROOT.parent / "shared" / "assets")
_ALL = 10**6
_PETS, _CROWD = "vtest.avi", "crowd_walking_720p.mp4"
_HOG = HogParams(scale=1.25, pyramid=1.2, hit_threshold=0.2)
#: where people walk on PETS09-S2L1, right of the lamp post
_ROAD = Polygon((Point(0.55, 0.25), Point(1.0, 0.2), Point(1.0, 0.75), Point(0.55, 0.5)))
#: the far right of the crowd, where people are smallest
_CORNER = Box(Point(0.5, 0.0), Point(1.0, 0.5))
#: people of PETS09-S2L1 are 0.09 to 0.27 of the picture high, and half as wide as high at most
_SIZES = FilterParams(min_height=0.08, max_height=0.28, max_aspect=0.6)

#: finds things in a frame that comes so many seconds after the clip's start
Look: TypeAlias = Callable[[View, float], Detections]
#: number of a frame and its picture -> boxes of what is there
Truth: TypeAlias = Callable[[int, View], Boxes]


@dataclass(slots=True)
class Score:
    """Boxes found, boxes that are there, and how many are both (IoU 0.5, one to one)."""

    hits: int = 0
    found: int = 0
    true: int = 0
    seconds: float = 0.0
    frames: int = 0
    results: list[Detections] = field(default_factory=list)

    def add(self, found: Detections, true: Boxes, seconds: float) -> None:
        """A frame."""
        overlap = iou(found.boxes, true)
        rows, columns = linear_sum_assignment(-overlap)
        self.hits += int((overlap[rows, columns] >= 0.5).sum())
        self.found, self.true = self.found + len(found), self.true + len(true)
        self.seconds, self.frames = self.seconds + seconds, self.frames + 1
        self.results.append(found)

    @property
    def ms(self) -> float:
        """Per frame."""
        return self.seconds / self.frames * 1e3

    def cells(self, base: Score) -> list[str]:
        """Precision, recall, milliseconds, and these as a multiple of another's."""
        shares = [f"{self.hits / max(n, 1):.2f}" for n in (self.found, self.true)]
        return [*shares, f"{self.ms:.0f}", f"{self.ms / base.ms:.2f}"]


def main() -> None:
    """Measure, print, write."""
    cv2.setNumThreads(1)
    people = _truth(read_mot(_ASSETS / "mot" / "PETS09-S2L1" / "gt" / "gt.txt"))
    crowd, motion = _crowd(), MotionDetector()
    areas: list[Detections] = []

    def moving_areas(view: View, pts: float) -> Detections:
        areas.append(motion.detect(view, 0.1))
        return areas[-1]

    looks = {
        "always": _always(HogDetector(_HOG)),
        "gated": _moving(HogDetector(_HOG), MovingParams()),
        "motion": moving_areas,
        "fitting": lambda view, pts: _fitting(areas[-1]),
    }
    scores = _run(_PETS, looks, people)
    parts = {
        "tiles": _tiles(people, crowd),
        "regions": _regions(people, crowd),
        "moving": _motion(scores, people),
        "every": _every(scores),
        "filters": _filters(scores),
    }
    page = _PAGE.read_text(encoding="utf-8")
    for name, table in parts.items():
        print(f"{name}\n\n{table}\n")
        page = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- end -->)", rf"\g<1>\n{table}\n\n\g<2>", page, flags=re.DOTALL
        )
    _PAGE.write_text(page, encoding="utf-8")


def _truth(rows: MotRows) -> Truth:
    frames = dict(rows.by_frame())
    return lambda number, view: frames[number].boxes


def _frames(clip: str, step: int, last: int) -> Iterator[tuple[int, float, View]]:
    """Number (from 1), seconds and picture of each `step`-th frame."""
    with av.open(str(_ASSETS / "video" / clip)) as container:
        for number, frame in enumerate(container.decode(video=0), 1):
            if number > last:
                break
            if number % step == 0:
                yield (
                    number,
                    float(frame.time or 0),
                    View(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)),
                )


def _run(
    clip: str, looks: Mapping[str, Look], truth: Truth, step: int = 1, last: int = _ALL
) -> dict[str, Score]:
    """Have each look at each frame, in turn."""
    scores = {name: Score() for name in looks}
    for number, pts, view in _frames(clip, step, last):
        true = truth(number, view)
        for name, look in looks.items():
            start = time.process_time()
            found = look(view, pts)
            scores[name].add(found, true, time.process_time() - start)
    return scores


def _network(model: str = "yolox-nano") -> DnnDetector:
    return DnnDetector(DnnParams(model=ModelName(model), classes=("person",), confidence=0.3, device="cpu"))


def _always(detector: Detector, tiles: TileParams | None = None, regions: RegionParams | None = None) -> Look:
    focused = FocusedDetector(detector, tiles=tiles, regions=regions)
    return lambda view, pts: focused.detect(view)


def _moving(detector: Detector, params: MovingParams, tiles: TileParams | None = None) -> Look:
    focused, gate = FocusedDetector(detector, tiles=tiles), MotionGate(params)

    def look(view: View, pts: float) -> Detections:
        parts = gate.parts(view, pts)
        return gate.settle(focused.look([Sight(view, (view.width, view.height), parts)])[0], view)

    return look


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_SCORES = ("precision", "recall", "ms per frame", "cost")


def _compared(what: str, groups: Mapping[str, Mapping[str, Score]]) -> str:
    """A table of groups, each compared with its first row."""
    rows = []
    for group, scores in groups.items():
        base = next(iter(scores.values()))
        rows += [[group, name, *score.cells(base)] for name, score in scores.items()]
    return _table([what, "how", *_SCORES], rows)


def _crowd() -> Callable[[int, View], Boxes]:
    """What a better network finds at a higher scale: there is no ground truth of this clip."""
    reference = FocusedDetector(_network("yolov8n"), tiles=TileParams(grid=(3, 2), overlap=0.3))
    known: dict[int, Boxes] = {}

    def boxes(number: int, view: View) -> Boxes:
        if number not in known:
            known[number] = reference.detect(view).boxes
        return known[number]

    return boxes


def _tiles(people: Truth, crowd: Truth) -> str:
    network = _network()
    grids = [TileParams(grid=grid) for grid in ((2, 1), (2, 2), (3, 2))]
    looks = {"whole": _always(network)}
    looks |= {f"`tiles: [{g[0]}, {g[1]}]`": _always(network, tiles) for tiles in grids if (g := tiles.grid)}
    groups = {"crowd, 1280x720": _run(_CROWD, looks, crowd, 25)}
    return _compared("clip", groups | {"PETS09-S2L1, 768x576": _run(_PETS, looks, people, 20)})


def _regions(people: Truth, crowd: Truth) -> str:
    network = _network()
    return _compared(
        "detector",
        {
            "HOG, PETS09-S2L1": _in_region(HogDetector(_HOG), _ROAD, _PETS, people, 20),
            "yolox-nano, PETS09-S2L1": _in_region(network, _ROAD, _PETS, people, 20),
            "yolox-nano, crowd": _in_region(network, _CORNER, _CROWD, crowd, 25),
        },
    )


def _in_region(
    detector: Detector, region: Polygon | Box, clip: str, truth: Truth, step: int
) -> dict[str, Score]:
    params = RegionParams(look={"here": region}, margin=0.1)
    regions, plain = Regions(params), _always(detector)

    def inside(number: int, view: View) -> Boxes:
        return regions.keep(Detections.of(truth(number, view)), (view.width, view.height)).boxes

    def kept(view: View, pts: float) -> Detections:
        return regions.keep(plain(view, pts), (view.width, view.height))

    looks = {"whole picture": kept, "`regions`": _always(detector, regions=params)}
    return _run(clip, looks, inside, step)


def _motion(hog: Mapping[str, Score], people: Truth) -> str:
    network, tiles = _network(), TileParams(grid=(2, 2))
    looks = {
        "always": _always(network),
        "`moving: {parts: 1}`": _moving(network, MovingParams(parts=1)),
        "`moving: true`": _moving(network, MovingParams()),
        "`tiles: [2, 2]`": _always(network, tiles),
        "`tiles: [2, 2]`, `moving: true`": _moving(network, MovingParams(), tiles),
    }
    groups = {"HOG, 795 frames": {"always": hog["always"], "`moving: true`": hog["gated"]}}
    return _compared("detector", groups | {"yolox-nano, 150": _run(_PETS, looks, people, last=150)})


def _every(hog: Mapping[str, Score]) -> str:
    always, moving = hog["always"], hog["gated"]
    rows = []
    for every in (1, 2, 3, 5):
        given = [found if i % every == 0 else None for i, found in enumerate(always.results)]
        rows.append(
            [f"`every: {every}`" if every > 1 else "always", f"{always.ms / every:.0f}", *_tracked(given)]
        )
    rows.append(["`moving: true`", f"{moving.ms:.0f}", *_tracked(moving.results)])
    measures = [f"{m}, {tracker}" for tracker in ("SORT", "ByteTrack") for m in ("HOTA", "MOTA", "IDF1")]
    return _table(["detector runs", "ms per frame", *measures], rows)


def _tracked(results: Sequence[Detections | None]) -> list[str]:
    """HOTA, MOTA and IDF1 of two trackers."""
    truth = read_mot(_ASSETS / "mot" / "PETS09-S2L1" / "gt" / "gt.txt")
    cells = []
    for tracker in (SortTracker(SortParams(frame_rate=10)), ByteTrackTracker(ByteTrackParams(frame_rate=10))):
        tracks = [tracker.update(found, pts=i / 10) for i, found in enumerate(results)]
        scores = evaluate(truth, MotRows.concat([MotRows.of(i, t) for i, t in enumerate(tracks, 1)]))
        cells += [f"{100 * value:.1f}" for value in (scores.hota, scores.mota, scores.idf1)]
    return cells


def _filters(scores: Mapping[str, Score]) -> str:
    rows = []
    for name, how in (("motion", "all"), ("fitting", "`filter.objects`")):
        score = scores[name]
        shares = [f"{score.hits / n:.2f}" for n in (score.found, score.true)]
        cells = [
            f"{score.found / score.frames:.1f}",
            *shares,
            f"{score.ms:.2f}",
            *_tracked(score.results)[:3],
        ]
        rows.append([how, *cells])
    head = ["objects", "per frame", "precision", "recall", "ms per frame"]
    return _table([*head, "HOTA, SORT", "MOTA, SORT", "IDF1, SORT"], rows)


def _fitting(objects: Detections) -> Detections:
    stage = FilterObjects(_SIZES)
    stage.open(StreamInfo("pets", 768, 576))
    return stage.process(objects, FrameInfo("pets", 0, 0, 0.0, None, 0.0, 768, 576))


if __name__ == "__main__":
    main()
