"""Measures the trackers of one object on clips with a box per frame: ``python -m benchmarks.single``."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from trackers.motfile import read_mot
from trackers.single.base import SingleTracker
from trackers.single.catalogue import TRACKERS, make
from trackers.single.evaluation import Outcome, one_pass, pooled
from trackers.single.networks import NetworkTracker
from vidstream.errors import MissingDependency
from vidstream.geometry import Float64
from vidstream.types import Pixels

_ROOT = Path(__file__).resolve().parents[1]
_PAGE = _ROOT / "docs" / "single_object.md"
_ASSETS = Path(os.environ.get("VIDSTREAM_ASSETS") or _ROOT.parent / "shared" / "assets")
#: so many people of each sequence, those seen longest, for at most so many frames each
_PEOPLE, _FRAMES = {"PETS09-S2L1": ("vtest.avi", 8), "TUD-Stadtmitte": ("TUD-Stadtmitte.mp4", 4)}, 100


class Clip(NamedTuple):
    """Pictures, and where the object is on those that show it."""

    frames: Sequence[Pixels]
    truth: Mapping[int, Float64]


def main(names: Sequence[str]) -> None:
    """Measure the trackers named, or all of them, and write the page."""
    cv2.setNumThreads(1)
    groups = {name: list(_clips(name)) for name in ("david", "pedestrian1", "car", "people")}
    rows: list[str] = []
    for name, kind in TRACKERS.items():
        if issubclass(kind.tracker, NetworkTracker) or (names and name not in names):
            continue
        for recover in (False, True):
            try:
                marks = [_mark(groups[group], name, recover) for group in groups]
            except MissingDependency as error:
                print(error, file=sys.stderr)
                break
            rows.append(_row(f"{name} + memory" if recover else name, marks))
            print(rows[-1], flush=True)
    if not names:
        _PAGE.write_text(_page(rows), encoding="utf-8")


def _mark(clips: Sequence[Clip], name: str, recover: bool) -> Outcome:
    def tracker() -> SingleTracker:
        return make(name, recover=recover)

    return pooled(one_pass(tracker(), clip.frames, clip.truth) for clip in clips)


def _clips(group: str) -> Iterator[Clip]:
    if group == "people":
        for name, (video, count) in _PEOPLE.items():
            yield from _people(name, video, count)
        return
    (folder,) = (_ASSETS / "sot").glob(f"*_{group}")
    truth = np.loadtxt(folder / "gt.txt", delimiter=",")
    yield Clip(_read(folder / f"{group}.mpg"), {k: b for k, b in enumerate(truth) if np.isfinite(b).all()})


def _people(name: str, video: str, count: int) -> Iterator[Clip]:
    """One clip per person, from where they are first seen whole."""
    frames = _read(_ASSETS / "video" / video)
    height, width = frames[0].shape[:2]
    rows = read_mot(_ASSETS / "mot" / name / "gt" / "gt.txt")
    rows = rows[rows.scores > 0]
    ids, counts = np.unique(rows.ids, return_counts=True)
    for person in ids[np.argsort(-counts, kind="stable")][:count].tolist():
        own = rows[rows.ids == person]
        own = own[np.argsort(own.frames, kind="stable")]
        boxes = own.boxes - 1.0  # MOT counts pixels from 1
        whole = (boxes[:, :2] > 0).all(axis=1) & (boxes[:, 2:] < (width, height)).all(axis=1)
        start = int(whole.argmax())
        indices = (own.frames[start : start + _FRAMES] - 1).tolist()
        truth = {k - indices[0]: b for k, b in zip(indices, boxes[start:].astype(np.float64), strict=False)}
        yield Clip(frames[indices[0] : indices[-1] + 1], truth)


def _read(path: Path) -> list[Pixels]:
    capture = cv2.VideoCapture(str(path))
    frames: list[Pixels] = []
    while True:
        there, image = capture.read()
        if not there:
            break
        frames.append(np.asarray(image, np.uint8))
    if not frames:
        raise SystemExit(f"{path} cannot be read; point VIDSTREAM_ASSETS at the assets folder")
    return frames


def _row(name: str, marks: Sequence[Outcome]) -> str:
    cells = [name]
    for mark in marks:
        lost = f"{100 * mark.missed:.0f}" + (f" / {100 * mark.imagined:.0f}" if mark.absent else "")
        cells.append(f"**{mark.auc:.2f}** {mark.precision:.2f} ({lost})")
    cells.append(f"{1 / np.mean([mark.seconds for mark in marks[:3]]):.0f}")
    cells.append(f"{1 / marks[3].seconds:.0f}")
    return f"| {' | '.join(cells)} |"


def _page(rows: Sequence[str]) -> str:
    text = _PAGE.read_text(encoding="utf-8")
    start, end = "<!-- table -->\n", "\n<!-- /table -->"
    head = [
        f"On {platform.machine()}, one thread, Python {platform.python_version()}, OpenCV {cv2.__version__}.",
        "",
        "| tracker | david (gray) | pedestrian1 (gray) | car (gray) | 12 people (colour) "
        "| frames/s at 320x240 | at 700x500 |",
        "|---|---|---|---|---|---|---|",
    ]
    before, after = text.partition(start)[0], text.partition(end)[2]
    return f"{before}{start}{chr(10).join([*head, *rows])}{end}{after}"


if __name__ == "__main__":
    main(sys.argv[1:])
