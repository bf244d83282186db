"""Annotations and results as others write them: COCO's JSON, YOLO's text."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.evaluation import Dataset, Found, Picture, Truth
from detectors.evaluation.coco import read_coco, read_results, results_json
from detectors.evaluation.yolo import described_folder, names_file, read_names, read_yolo
from vidstream.errors import SourceError, UsageError

COCO = {
    "images": [
        {"id": 9, "file_name": "b.png", "width": 40, "height": 30},
        {"id": 2, "file_name": "a.png", "width": 20, "height": 10},
    ],
    "annotations": [
        {"id": 1, "image_id": 9, "category_id": 3, "bbox": [1, 2, 10, 20], "area": 150.5, "iscrowd": 0},
        {"id": 2, "image_id": 2, "category_id": 1, "bbox": [0, 0, 5, 5], "area": 25, "iscrowd": 1},
    ],
    "categories": [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}],
}


def written(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_coco_annotations(tmp_path: Path) -> None:
    data = read_coco(written(tmp_path / "instances_val.json", COCO))
    assert [picture.id for picture in data.pictures] == [2, 9], "by rising id"
    assert dict(data.names) == {1: "person", 3: "car"}
    assert data.truth.pictures.tolist() == [1, 0]
    assert data.truth.boxes.tolist() == [[1, 2, 11, 22], [0, 0, 5, 5]]
    assert data.truth.areas.tolist() == [150.5, 25]
    assert data.truth.crowds.tolist() == data.truth.ignored.tolist() == [False, True]


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("a.png", id="next to the annotations"),
        pytest.param("images/a.png", id="in images beside them"),
        pytest.param("../val/a.png", id="in the split's folder one up"),
        pytest.param("../images/val/a.png", id="in images and the split's folder one up"),
    ],
)
def test_coco_pictures_are_found_nearby(tmp_path: Path, place: str) -> None:
    file = written(tmp_path / "annotations" / "instances_val.json", COCO)
    target = (file.parent / place).resolve()
    content = {**COCO, "images": COCO["images"][::-1]}
    written(file, content)
    target.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(target), np.zeros((10, 20, 3), np.uint8))
    assert read_coco(file).pictures[0].path.resolve() == target


def test_results_come_back_as_they_were_written(tmp_path: Path) -> None:
    data = read_coco(written(tmp_path / "t.json", COCO))
    found = Found.of([1, 0], [[1.25, 2, 10, 20.5], [0, 0, 4, 4]], [3, 1], [0.75, 0.5])
    path = written(tmp_path / "r.json", results_json(data, found))
    assert json.loads(path.read_text())[0] == {
        "image_id": 9,
        "category_id": 3,
        "bbox": [1.25, 2.0, 10.0, 20.5],
        "score": 0.75,
    }
    again, left_out = read_results(path, data)
    assert left_out == 0
    for name in ("pictures", "xywh", "class_ids", "scores"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))


def test_results_on_pictures_without_ids_go_by_file_name(tmp_path: Path) -> None:
    pictures = tuple(Picture(name, 9, 9) for name in ("val/000042.jpg", "val/dog.jpg"))
    data = Dataset("d", pictures, {0: "dog"}, Truth.of([], [], []))
    for ids in ([42, "dog"], ["000042", "dog"], ["val/000042.jpg", "val/dog.jpg"]):
        rows = [
            {"image_id": i, "category_id": c, "bbox": [0, 0, 1, 1], "score": 1}
            for i, c in zip(ids, (0, 5), strict=True)
        ]
        found, left_out = read_results(written(tmp_path / "r.json", rows), data)
        assert (found.pictures.tolist(), left_out) == ([0], 1), ids


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ({"images": []}, "no 'categories'"),
        ({**COCO, "annotations": [{"image_id": 5, "category_id": 1, "bbox": [0, 0, 1, 1]}]}, "no 5"),
        ({**COCO, "annotations": [{"image_id": 9, "category_id": 1, "bbox": [0, 0, -1, 1]}]}, "bbox"),
        (
            {**COCO, "annotations": [{"image_id": 9, "category_id": 1, "bbox": [0, 0, 1]}]},
            "is not COCO's JSON",
        ),
        ([1, 2], "is not COCO's JSON"),
    ],
)
def test_what_is_no_coco(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        read_coco(written(tmp_path / "x.json", content))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([{"image_id": 77, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 1}], "no '77'"),
        ([{"image_id": 9, "category_id": 1, "bbox": [0, 0, 1, 1]}], "no 'score'"),
        ({"a": 1}, "does not hold results"),
    ],
)
def test_results_of_something_else(tmp_path: Path, content: object, said: str) -> None:
    data = read_coco(written(tmp_path / "t.json", COCO))
    with pytest.raises(SourceError, match=said):
        read_results(written(tmp_path / "r.json", content), data)


def test_yolo_on_real_pictures(assets) -> None:
    from detectors.catalogue.card import class_list

    folder = assets("coco8/README.md").parent
    data = read_yolo(folder, class_list("coco"))
    assert len(data.pictures) == 8
    assert len(data.truth) == 30
    index = next(i for i, p in enumerate(data.pictures) if p.name.endswith("000000000042.jpg"))
    (row,) = np.flatnonzero(data.truth.pictures == index)
    assert data.names[int(data.truth.class_ids[row])] == "dog"
    picture = data.pictures[index]
    x, y, w, h = 0.606687, 0.341381, 0.544156, 0.51  # the line in its file
    middle = np.array([x * picture.width, y * picture.height])
    half = np.array([w * picture.width, h * picture.height]) / 2
    np.testing.assert_allclose(data.truth.boxes[row], [*(middle - half), *(middle + half)])
    assert len(read_yolo(folder / "images" / "val", class_list("coco")).pictures) == 4, "one part alone"


def yolo(tmp_path: Path, assets, label: str) -> Path:
    (tmp_path / "images").mkdir()
    shutil.copy(assets("coco8/images/val/000000000042.jpg"), tmp_path / "images" / "a.jpg")
    shutil.copy(assets("coco8/images/val/000000000061.jpg"), tmp_path / "images" / "b.jpg")
    written(tmp_path / "labels" / "a.txt", label)
    return tmp_path


def test_an_outline_counts_as_the_box_around_it(tmp_path: Path, assets) -> None:
    data = read_yolo(yolo(tmp_path, assets, "1 0.1 0.2 0.5 0.1 0.3 0.6\n"), ("cat", "dog"))
    width, height = data.pictures[0].width, data.pictures[0].height
    np.testing.assert_allclose(data.truth.boxes, [[0.1 * width, 0.1 * height, 0.5 * width, 0.6 * height]])
    assert len(data.pictures) == 2, "a picture without labels has nothing on it"


@pytest.mark.parametrize(
    "label", ["dog 0.1 0.1 0.1 0.1", "0 0.1 0.1", "0.5 0.1 0.1 0.1 0.1", "0 nan 0.1 0.1 0.1"]
)
def test_what_is_no_label(tmp_path: Path, assets, label: str) -> None:
    with pytest.raises(SourceError, match="line 1 is no label"):
        read_yolo(yolo(tmp_path, assets, label), ("cat",))


def test_a_class_without_a_name_is_refused(tmp_path: Path, assets) -> None:
    with pytest.raises(UsageError, match="has the class number 4, but 1 class names are known"):
        read_yolo(yolo(tmp_path, assets, "4 0.5 0.5 0.1 0.1"), ("cat",))


def test_pictures_turned_by_their_camera(tmp_path: Path, assets) -> None:
    from PIL import Image

    folder = yolo(tmp_path, assets, "0 0.5 0.5 1 1")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(folder / "images" / "a.jpg", exif=exif)
    data = read_yolo(folder, ("cat",))
    assert (data.pictures[0].width, data.pictures[0].height) == (20, 40)
    assert data.truth.xywh.tolist() == [[0, 0, 20, 40]]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.yaml", "path: .\nnames: [cat, dog]\n"),
        ("dataset.yaml", "names:\n  0: cat\n  1: dog\n"),
        ("classes.txt", "cat\ndog\n\n"),
    ],
)
def test_class_names_beside_the_pictures(tmp_path: Path, name: str, text: str) -> None:
    written(tmp_path / name, text)
    found = names_file(tmp_path / "images")
    assert found == tmp_path / name
    assert read_names(found) == ("cat", "dog")


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("path: set\nval: images/val\nnames: [a]", "set/images/val"),
        ("path: ../elsewhere\nval: set/images/val\nnames: [a]", "set/images/val"),
        ("names: [a]", "."),
        ("val: [a, b]\nnames: [a]", "."),
    ],
)
def test_the_pictures_that_a_data_yaml_names(tmp_path: Path, text: str, folder: str) -> None:
    (tmp_path / "set" / "images" / "val").mkdir(parents=True)
    assert described_folder(written(tmp_path / "data.yaml", text)) == tmp_path / folder


def test_names_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no class names"):
        read_names(written(tmp_path / "data.yaml", "names: {5: cat}\n"))
    with pytest.raises(SourceError, match="is not YAML"):
        read_names(written(tmp_path / "data.yaml", "names: [cat\n"))
    with pytest.raises(SourceError, match="cannot be read: no such file"):
        read_names(tmp_path / "no.txt")
    with pytest.raises(SourceError, match="has no pictures"):
        read_yolo(tmp_path, ("cat",))
