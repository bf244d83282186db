"""YOLO's text format: a file of lines ``class x y width height`` for each picture, in shares of its size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image, UnidentifiedImageError

from detectors.evaluation.files import fault, read_text
from detectors.evaluation.objects import Dataset, Picture, Truth
from vidstream.errors import UsageError

_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
YAML = (".yaml", ".yml")
#: EXIF orientations that turn a picture on its side
_ON_ITS_SIDE = (5, 6, 7, 8)


def read_yolo(folder: Path, names: Sequence[str], images: Path | None = None) -> Dataset:
    """Annotated pictures of a folder with ``images`` and ``labels``, or of a part such as ``images/val``.

    A line may also hold the corners of an outline, ``class x y x y x y ...``: then the box is the one around
    it. A picture without a file of labels has nothing on it. SourceError: no pictures, or other text.
    """
    pictures_in = images or (folder / "images" if (folder / "images").is_dir() else folder)
    files = sorted(p for p in pictures_in.rglob("*") if p.suffix.lower() in _SUFFIXES)
    if not files:
        raise fault(folder, "has no pictures", "name a folder with images/ and labels/")
    pictures, rows = [], []
    for number, file in enumerate(files):
        width, height = _size(file)
        pictures.append(Picture(str(file.relative_to(pictures_in)), width, height, path=file))
        labels = _labels_of(file, folder)
        rows += [(number, *row) for row in _read_labels(labels, (width, height))] if labels.is_file() else []
    table = np.array(rows, np.float64).reshape(-1, 6)
    truth = Truth.of(table[:, 0], table[:, 2:], table[:, 1])
    known = dict(enumerate(names))
    strange = sorted(set(truth.class_ids.tolist()) - set(known))
    if strange:
        raise UsageError(
            f"{folder.name} has the class number {strange[0]}, but {len(known)} class names are known",
            where="--names",
            fix="name a file with one class per line, a data.yaml, or coco",
        )
    return Dataset(folder.name, tuple(pictures), known, truth)


def read_names(path: Path) -> tuple[str, ...]:
    """Class names: of a ``data.yaml`` (``names:``, a list or numbered), or one on each line of a text.

    SourceError: something else.
    """
    if path.suffix not in YAML:
        return tuple(line.strip() for line in read_text(path).splitlines() if line.strip())
    try:
        names = _read_yaml(path)["names"]
        return tuple(str(names[number]) for number in range(len(names)))
    except (KeyError, TypeError) as error:
        raise fault(path, "has no class names", "write names: [person, car], or 0: person, 1: car") from error


def described_folder(path: Path) -> Path:
    """The pictures that a ``data.yaml`` names: its part ``val`` under ``path``, or all that lie beside it."""
    content = _read_yaml(path)
    root = path.parent / str(content.get("path", ""))
    root = root if root.is_dir() else path.parent
    part = root / str(content.get("val", ""))
    return part if part.is_dir() else root


def _read_yaml(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(read_text(path))
    except (yaml.YAMLError, RecursionError) as error:
        raise fault(path, f"is not YAML: {error}", "check the file") from error
    return content if isinstance(content, dict) else {}


def names_file(folder: Path) -> Path | None:
    """Where a folder of pictures (or one above it) says what its classes are called."""
    for place in (folder, *folder.parents[:2]):
        for name in ("data.yaml", "dataset.yaml", "classes.txt", "obj.names"):
            if (place / name).is_file():
                return place / name
    return None


def _labels_of(picture: Path, folder: Path) -> Path:
    """``labels`` in the place of the last ``images``, or next to the picture."""
    parts = list(picture.parts)
    if "images" in parts:
        at = len(parts) - 1 - parts[::-1].index("images")
        return Path(*parts[:at], "labels", *parts[at + 1 :]).with_suffix(".txt")
    inside = folder / "labels" / picture.with_suffix(".txt").name
    return inside if inside.is_file() else picture.with_suffix(".txt")


def _size(file: Path) -> tuple[int, int]:
    """Width and height as the picture is shown; only its head is read."""
    try:
        with Image.open(file) as picture:
            turned = picture.getexif().get(0x0112) in _ON_ITS_SIDE
            width, height = picture.size
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise fault(file, f"cannot be read: {error}", "check the file") from error
    return (height, width) if turned else (width, height)


def _read_labels(path: Path, size: tuple[int, int]) -> list[tuple[float, ...]]:
    """(class, left, top, width, height) of each line, in pixels."""
    rows: list[tuple[float, ...]] = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        try:
            values = [float(word) for word in line.split()]
        except ValueError:
            values = [-1.0]
        whole = bool(values) and values[0] >= 0 and values[0].is_integer()
        shape = len(values) == 5 or (len(values) >= 7 and len(values) % 2 == 1)
        if not line.strip():
            continue
        if not (whole and shape and np.isfinite(values).all()):
            fix = "write class x y width height, in shares of the picture"
            raise fault(path, f"line {number} is no label: {line[:60]!r}", fix)
        rows.append((values[0], *_box(values[1:], size)))
    return rows


def _box(values: Sequence[float], size: tuple[int, int]) -> tuple[float, float, float, float]:
    scale = np.array(size, np.float64)
    points = np.array(values).reshape(-1, 2) * scale
    if len(points) == 2:  # centre and size
        left_top, extent = points[0] - points[1] / 2, points[1]
    else:
        left_top = points.min(axis=0)
        extent = points.max(axis=0) - left_top
    x, y = left_top.tolist()
    width, height = extent.tolist()
    return x, y, width, height
