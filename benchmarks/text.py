"""How much is read, and at what cost: ``python -m benchmarks.text``.

Words of street scenes and plates whose text is known, by Tesseract and by networks, on whole pictures, on the
lines that the text detector finds, and on plates whose boxes are given. Times are CPU milliseconds of one
thread, with those of its children. Writes docs/text.md; needs pictures and models (``VIDSTREAM_ASSETS``).
"""

from __future__ import annotations

import csv
import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from detectors.text.finder import FinderParams, TextFinder
from detectors.text.quads import Quads, polygons_of, upright
from detectors.text.reader import TextReader
from vidstream.stages.ocr.program import Tesseract, pieces
from vidstream.types import Pixels, View

_ROOT = Path(__file__).resolve().parents[1]
_PAGE = _ROOT / "docs" / "text.md"
_ASSETS = Path(os.environ.get("VIDSTREAM_ASSETS") or _ROOT.parent / "shared" / "assets")
_MARK = "<!-- measured by python -m benchmarks.text -->"
_SURE = 0.5
_TESSERACT_HEIGHT = 128

Read = Callable[[Pixels], Iterable[str]]


class Plate(NamedTuple):
    """A picture with a number plate."""

    pixels: Pixels
    box: tuple[int, int, int, int]
    text: str


class Networks:
    """The text detector and the recogniser."""

    def __init__(self, side: int = 960) -> None:
        models = _ASSETS / "weights"
        self._finder = TextFinder(FinderParams(side=side), models=models)
        self._reader = TextReader(models=models)

    def lines(self, pixels: Pixels) -> Quads:
        """Corners of what the detector finds."""
        return polygons_of(self._finder.detect(View(pixels)))

    def whole(self, pixels: Pixels) -> list[str]:
        """What stands in a picture."""
        strings, scores = self._reader.read(View(pixels), self.lines(pixels))
        return [text for text, score in zip(strings, scores, strict=True) if score >= _SURE]

    def line(self, pixels: Pixels) -> list[str]:
        """What stands in the picture of one line."""
        return [self._reader.read_line(pixels)[0]]


class Program:
    """Tesseract, as `ocr.tesseract` calls it."""

    def __init__(self, networks: Networks) -> None:
        self._program = Tesseract.find()
        self._networks = networks

    def whole(self, pixels: Pixels) -> list[str]:
        """What it reads in a picture, as it is and inverted."""
        gray = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
        return self._read([gray, ~gray], "--psm", "3", "-c", "thresholding_method=2")

    def found(self, pixels: Pixels) -> list[str]:
        """What it reads in the lines that the text detector finds."""
        crops = [upright(pixels, quad) for quad in self._networks.lines(pixels)]
        return self._read([_enlarged(crop) for crop in crops], "--psm", "7") if crops else []

    def line(self, pixels: Pixels) -> list[str]:
        """What it reads in the picture of one line."""
        return self._read([_enlarged(pixels)], "--psm", "7")

    def _read(self, pages: Sequence[Pixels], *options: str) -> list[str]:
        read = self._program.read(pages, options, ("eng",))
        return [piece.text for page in read for piece in pieces(page, "line", _SURE)]


def main() -> None:
    """Measure, print, write."""
    cv2.setNumThreads(1)
    networks = Networks()
    program = Program(networks)
    scenes, plates = _scenes(), _plates()
    rows = [
        ("Tesseract, whole picture", _words(program.whole, scenes), _found(program.whole, plates)),
        ("detector, then Tesseract", _words(program.found, scenes), _found(program.found, plates)),
        ("detector, then recogniser", _words(networks.whole, scenes), _found(networks.whole, plates)),
    ]
    table = ["| | words of street scenes | plates found and read | ms per scene |", "|---|---|---|---|"]
    for name, (words, cost), hits in rows:
        table.append(f"| {name} | {words} | {hits} | {cost:.0f} |")
    table += ["", "| plates whose box is given | read to the letter | ms per plate |", "|---|---|---|"]
    for name, read in (("Tesseract", program.line), ("recogniser", networks.line)):
        hits, cost = _exact(read, plates)
        table.append(f"| {name} | {hits} | {cost:.0f} |")
    print("\n".join(table))
    text = _PAGE.read_text("utf-8")
    before, _, after = text.partition(_MARK)
    tail = after.partition(f"{_MARK}\n")[2]
    _PAGE.write_text(f"{before}{_MARK}\n" + "\n".join(table) + f"\n{_MARK}\n{tail}", "utf-8")


def _scenes() -> list[tuple[Pixels, list[str]]]:
    """Pictures and the words on them."""
    table = csv.DictReader((_ASSETS / "ocr" / "text.tsv").open(encoding="utf-8"), delimiter="\t")
    rows = [tuple(row.values()) for row in table]
    return [
        (_picture(_ASSETS / "ocr" / name), _plain(words).split())
        for name, words in rows
        if re.fullmatch(r"scenetext\d+\.jpg", name)
    ]


def _plates() -> list[Plate]:
    table = csv.DictReader((_ASSETS / "plates" / "plates.tsv").open(encoding="utf-8"), delimiter="\t")
    plates = []
    for row in table:
        if (path := _ASSETS / "plates" / row["file"]).is_file():
            x, y, width, height = (int(row[key]) for key in ("x", "y", "w", "h"))
            plates.append(Plate(_picture(path), (x, y, x + width, y + height), row["text"]))
    return plates


def _words(read: Read, scenes: Sequence[tuple[Pixels, list[str]]]) -> tuple[str, float]:
    """Words read of all, letter case and gaps left out of account; CPU milliseconds per scene."""
    hits, cost = 0, 0.0
    for pixels, words in scenes:
        lines, spent = _timed(partial(read, pixels))
        cost += spent
        left = " ".join(_plain(line) for line in lines)
        for word in words:
            if word in left:
                hits += 1
                left = left.replace(word, " ", 1)
    return f"{hits} of {sum(len(words) for _, words in scenes)}", cost / len(scenes)


def _found(read: Read, plates: Sequence[Plate]) -> str:
    hits = sum(any(plate.text in _letters(line) for line in read(plate.pixels)) for plate in plates)
    return f"{hits} of {len(plates)}"


def _exact(read: Read, plates: Sequence[Plate]) -> tuple[str, float]:
    hits, cost = 0, 0.0
    for pixels, (x1, y1, x2, y2), text in plates:
        lines, spent = _timed(partial(read, np.ascontiguousarray(pixels[y1:y2, x1:x2])))
        hits += _letters("".join(lines)) == text
        cost += spent
    return f"{hits} of {len(plates)}", cost / len(plates)


def _timed(act: Callable[[], Iterable[str]]) -> tuple[list[str], float]:
    """What it gives, and its CPU milliseconds, those of programs it started included."""
    start = os.times()
    lines = list(act())
    end = os.times()
    return lines, 1000 * sum(end[i] - start[i] for i in range(4))


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9 ]", "", text.lower())


def _letters(text: str) -> str:
    """Capitals and digits alone: plates know no others."""
    return re.sub(r"[^A-Z0-9]", "", text.upper())


def _enlarged(crop: Pixels) -> Pixels:
    scale = max(1.0, _TESSERACT_HEIGHT / crop.shape[0])
    gray = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)


def _picture(path: Path) -> Pixels:
    return np.asarray(cv2.imread(str(path)), np.uint8)


if __name__ == "__main__":
    began = time.monotonic()
    main()
    print(f"{time.monotonic() - began:.0f} s")
