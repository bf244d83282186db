"""The descriptor that needs no network tells people apart, whatever the box."""

from __future__ import annotations

import numpy as np
import pytest

from trackers.appearance import cut, describe


def people(mot, pictures, name, video, step):
    """Features are made by the caller: yields (image, boxes, ids) of every n-th annotated frame."""
    truth = dict(mot(name).truth.by_frame())
    for frame, image in enumerate(pictures(video), 1):
        if frame % step == 0 and truth.get(frame):
            yield image, truth[frame].boxes, truth[frame].track_ids


def separation(samples, embed):
    """How often two looks at one person are closer than looks at two people (area under the ROC curve)."""
    features, ids = [], []
    for image, boxes, track_ids in samples:
        features.append(embed(image, boxes))
        ids.append(track_ids)
    rows, names = np.concatenate(features), np.concatenate(ids)
    distances = 1 - rows @ rows.T
    same = (names[:, None] == names) & ~np.eye(len(names), dtype=bool)
    own, other = np.sort(distances[same]), distances[names[:, None] != names]
    return (np.searchsorted(own, other) / len(own)).mean()


@pytest.mark.parametrize(
    ("name", "video", "step", "least"),
    [
        pytest.param("TUD-Stadtmitte", "video/TUD-Stadtmitte.mp4", 8, 0.85, id="town centre"),
        pytest.param("TUD-Campus", "video/TUD-Campus.mp4", 6, 0.80, id="campus"),
    ],
)
def test_descriptor_without_network_tells_people_apart(mot, pictures, name, video, step, least):
    assert separation(people(mot, pictures, name, video, step), describe) > least


ODD_BOXES = [
    pytest.param([[-50, -50, 20, 20]], id="hangs out at the top left"),
    pytest.param([[180, 90, 500, 400]], id="hangs out at the bottom right"),
    pytest.param([[500, 400, 600, 500]], id="wholly outside"),
    pytest.param([[-90, -90, -10, -10]], id="wholly outside, negative"),
    pytest.param([[30, 30, 30, 30]], id="without area"),
    pytest.param([[40, 40, 20, 10]], id="inside out"),
    pytest.param([[10.4, 10.4, 10.6, 10.6]], id="smaller than a pixel"),
    pytest.param(np.zeros((0, 4)), id="no boxes"),
]


@pytest.mark.parametrize("boxes", ODD_BOXES)
def test_any_box_gives_a_unit_row(boxes):
    image = np.random.default_rng(0).integers(0, 255, (100, 200, 3), np.uint8)
    boxes = np.asarray(boxes, np.float32)
    rows = describe(image, boxes)
    assert rows.dtype == np.float32
    assert rows.shape == (len(boxes), 672)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    assert all(crop.size for crop in cut(image, boxes))


def test_crops_are_the_pixels_of_the_box():
    image = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)
    (crop,) = cut(image, np.array([[3, 5, 9, 12]], np.float32))
    np.testing.assert_array_equal(crop, image[5:12, 3:9])


def test_a_descriptor_does_not_depend_on_its_company():
    image = np.random.default_rng(1).integers(0, 255, (200, 300, 3), np.uint8)
    image[:, :120] = (255, 255, 255)  # flat, so that the slightest foreign gradient would count
    boxes = np.array([[0, 0, 40, 80], [50, 20, 120, 190], [200, 100, 299, 199]], np.float32)
    together = describe(image, boxes)
    alone = np.concatenate([describe(image, boxes[i : i + 1]) for i in range(3)])
    np.testing.assert_array_equal(together, alone)


RED, BLUE, DARK_RED = (40, 30, 200), (200, 60, 30), (34, 26, 168)


def person(shirt, trousers):
    """A person before a wall, 40 x 90."""
    image = np.full((90, 40, 3), 120, np.uint8)
    image[10:45, 8:32], image[45:88, 10:30] = shirt, trousers
    return describe(image, np.array([[0, 0, 40, 90]], np.float32))[0]


def test_shirt_and_trousers_are_not_confused():
    one = person(RED, BLUE)
    assert one @ person(DARK_RED, BLUE) > 0.8, "a little shade"
    assert one @ person(BLUE, RED) < 0.6
    assert one @ person(BLUE, BLUE) < one @ person(DARK_RED, BLUE) - 0.05


def test_what_is_beside_a_person_hardly_counts():
    """Boxes are wider than people."""
    image = np.full((90, 80, 3), 120, np.uint8)
    image[10:88, 28:52] = RED
    before = describe(image, np.array([[20, 0, 60, 90]], np.float32))[0]
    image[:, 52:] = image[:, :26] = (30, 200, 30)
    assert before @ describe(image, np.array([[20, 0, 60, 90]], np.float32))[0] > 0.75
