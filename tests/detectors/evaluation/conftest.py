"""Annotated pictures and boxes on them, the same on every machine, for comparison with other programs."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import pytest

from detectors.evaluation import Dataset, Found, Picture, Truth


class Scene(NamedTuple):
    """Rows as COCO's JSON has them, and the same as we have them."""

    annotations: list[dict[str, Any]]
    results: list[dict[str, Any]]
    dataset: Dataset
    found: Found


def _between(random: Random, low: float, high: float, digits: int = 2) -> float:
    return round(low + (high - low) * random.random(), digits)


def _box(random: Random) -> list[float]:
    return [_between(random, 0, 400), _between(random, 0, 300), *(_between(random, 4, 180) for _ in range(2))]


def make_scene(
    seed: int, *, pictures: int = 40, classes: int = 4, crowds: float = 0.1, digits: int = 2
) -> Scene:
    """Objects, and boxes near them, on them twice, of wrong classes and on nothing; `digits` makes ties."""
    random = Random(seed)
    notes: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []

    def find(picture: int, box: list[float], class_id: int) -> None:
        score = round(random.random(), digits)
        boxes.append({"image_id": picture, "category_id": class_id, "bbox": box, "score": score})

    for picture in range(1, pictures + 1):
        for _ in range(int(6 * random.random())):
            x, y, width, height = box = _box(random)
            class_id = 1 + int(classes * random.random())
            area = width * height * _between(random, 0.4, 1.0)
            note = {"id": len(notes) + 1, "image_id": picture, "category_id": class_id, "bbox": box}
            notes.append(note | {"area": area, "iscrowd": int(random.random() < crowds)})
            for _ in range(int(3 * random.random())):
                shift = 24 * random.random() ** 2
                near = [x + shift, y + _between(random, -shift, shift), width, height]
                find(
                    picture, near, class_id if random.random() < 0.85 else 1 + int(classes * random.random())
                )
        for _ in range(int(3 * random.random())):
            find(picture, _box(random), 1 + int(classes * random.random()))
    dataset = Dataset(
        "scene",
        tuple(Picture(f"{n}.jpg", 640, 480, id=n) for n in range(1, pictures + 1)),
        {n: f"class {n}" for n in range(1, classes + 1)},
        Truth.of(
            [note["image_id"] - 1 for note in notes],
            [note["bbox"] for note in notes],
            [note["category_id"] for note in notes],
            [note["area"] for note in notes],
            crowds=[note["iscrowd"] for note in notes],
        ),
    )
    found = Found.of(
        [row["image_id"] - 1 for row in boxes],
        [row["bbox"] for row in boxes],
        [row["category_id"] for row in boxes],
        [row["score"] for row in boxes],
    )
    return Scene(notes, boxes, dataset, found)


@pytest.fixture(scope="session")
def scene() -> Callable[..., Scene]:
    return make_scene
