"""COCO's JSON: annotations of pictures, and detectors' results on them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detectors.evaluation.files import fault, read_json
from detectors.evaluation.objects import Dataset, Found, Picture, Truth


def read_coco(path: Path, images: Path | None = None) -> Dataset:
    """Annotated pictures of a file such as ``instances_val2017.json``; `images` is the folder they are in.

    Pictures come by rising id, as COCO's own code has them. SourceError: the file says something else.
    """
    content = read_json(path)
    try:
        names = {int(each["id"]): str(each["name"]) for each in content["categories"]}
        folder = images or _beside(path, str(content["images"][0]["file_name"]))
        rows = sorted(content["images"], key=lambda each: int(each["id"]))
        pictures = tuple(_picture(each, folder) for each in rows)
        index = {picture.id: number for number, picture in enumerate(pictures)}
        notes = [note for note in content["annotations"] if "bbox" in note]
        truth = Truth.of(
            [index[int(note["image_id"])] for note in notes],
            [_four(note["bbox"]) for note in notes],
            [int(note["category_id"]) for note in notes],
            [float(note.get("area", note["bbox"][2] * note["bbox"][3])) for note in notes],
            crowds=[bool(note.get("iscrowd", 0)) for note in notes],
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        what = f"is not COCO's JSON: {_said(error)}"
        raise fault(path, what, "it needs images, annotations (bbox) and categories") from error
    return Dataset(path.stem, pictures, names, truth)


def read_results(path: Path, dataset: Dataset) -> tuple[Found, int]:
    """Results as COCO's code reads them, and how many were left out: of classes that are not looked for.

    A list of ``{"image_id", "category_id", "bbox": [left, top, width, height], "score"}``; pictures without
    an id go by file name, with or without its ending. SourceError: something else, or of other pictures.
    """
    content = read_json(path)
    index = picture_index(dataset)
    try:
        rows = [row for row in content if int(row["category_id"]) in dataset.names]
        found = Found.of(
            [index[_key(row["image_id"])] for row in rows],
            [_four(row["bbox"]) for row in rows],
            [int(row["category_id"]) for row in rows],
            [float(row["score"]) for row in rows],
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        what = f"does not hold results on {dataset.name}: {_said(error)}"
        raise fault(path, what, "check that image_id and category_id are those of the annotations") from error
    return found, len(content) - len(rows)


def results_json(dataset: Dataset, found: Found) -> str:
    """Results as `read_results` and COCO's code read them, one line each."""
    ids = [picture.id if picture.id != "" else picture.name for picture in dataset.pictures]
    columns = (found.pictures, found.class_ids, found.xywh.round(3), found.scores.round(6))
    lines = [
        json.dumps({"image_id": ids[picture], "category_id": class_id, "bbox": box, "score": score})
        for picture, class_id, box, score in zip(*(c.tolist() for c in columns), strict=True)
    ]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def picture_index(dataset: Dataset) -> dict[str, int]:
    """Everything that results may call a picture, and its index: id, name, name without ending."""
    index: dict[str, int] = {}
    for number, picture in enumerate(dataset.pictures):
        stem = Path(picture.name).stem
        for key in (picture.id, picture.name, stem, str(int(stem)) if stem.isdecimal() else stem):
            if key != "":
                index.setdefault(_key(key), number)
    return index


def _key(value: int | str) -> str:
    return str(value)


def _picture(entry: Mapping[str, Any], folder: Path) -> Picture:
    name = str(entry["file_name"])
    size = int(entry["width"]), int(entry["height"])
    return Picture(name, *size, path=folder / name, id=int(entry["id"]))


def _beside(path: Path, first: str) -> Path:
    """The folder of the pictures: next to the file, in ``images``, or by its name (``val2017``)."""
    split = path.stem.rpartition("_")[2]
    roots = (path.parent, path.parent.parent)
    places = [root / name for root in roots for name in ("", "images", split, f"images/{split}", path.stem)]
    return next((place for place in places if (place / first).is_file()), path.parent)


def _four(box: Sequence[float]) -> list[float]:
    x, y, width, height = map(float, box)
    if not np.isfinite([x, y, width, height]).all() or width < 0 or height < 0:
        raise ValueError(f"bbox {list(box)}")
    return [x, y, width, height]


def _said(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else str(error)
