"""Descriptors tell people apart, galleries remember the right ones."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackers.appearance import Gallery, NetworkEmbedder, cut, describe
from vidstream.errors import ModelError, ShapeError


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
        pytest.param("TUD-Stadtmitte", "video/TUD-Stadtmitte.mp4", 8, 0.82, id="town centre"),
        pytest.param("TUD-Campus", "video/TUD-Campus.mp4", 6, 0.74, id="campus"),
    ],
)
def test_descriptor_without_network_tells_people_apart(mot, pictures, name, video, step, least):
    assert separation(people(mot, pictures, name, video, step), describe) > least


def test_network_tells_people_apart(mot, pictures, assets):
    network = NetworkEmbedder(assets("weights/osnet_x0_25_msmt17.onnx"))
    samples = people(mot, pictures, "TUD-Stadtmitte", "video/TUD-Stadtmitte.mp4", 12)
    assert separation(samples, network) > 0.80


def test_network_sees_what_opencvs_own_preparation_would_show_it(assets):
    """The golden value takes the other way: cv2 makes the blob, mean and scale per channel."""
    path = assets("weights/osnet_x0_25_msmt17.onnx")
    image = cv2.imread(str(assets("pictures/bus.jpg")))
    boxes = np.array([[48, 396, 245, 904], [221, 408, 345, 862]], np.float32)
    options = cv2.dnn.Image2BlobParams(
        1 / (255 * np.array([0.229, 0.224, 0.225])), (128, 256), np.array([0.485, 0.456, 0.406]) * 255, True
    )
    net = cv2.dnn.readNetFromONNX(str(path))
    expected = []
    for x1, y1, x2, y2 in boxes.astype(int):
        net.setInput(cv2.dnn.blobFromImageWithParams(image[y1:y2, x1:x2], options))
        row = net.forward()[0]
        expected.append(row / np.linalg.norm(row))
    np.testing.assert_allclose(NetworkEmbedder(path)(image, boxes), expected, atol=2e-3)


@pytest.mark.parametrize(
    "content", [pytest.param(None, id="no file"), pytest.param(b"not a network", id="not a network")]
)
def test_a_file_that_is_no_network_is_named(tmp_path, content):
    path = tmp_path / "reid.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"reid\.onnx"):
        NetworkEmbedder(path)


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


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sets(st.integers(1, 30), max_size=12), st.booleans()), max_size=15),
    st.integers(0, 99),
)
def test_gallery_equals_lists_that_keep_the_last_few(rounds, seed):
    """Tracks come, go and come back under any id; the oldest descriptors fall out."""
    rng, gallery, lists = np.random.default_rng(seed), Gallery(budget=3), {}
    for ids, drop in rounds:
        if drop:
            gallery.keep(np.array(sorted(ids), np.int64))
            lists = {i: v for i, v in lists.items() if i in ids}
        elif ids:
            features = unit(rng.normal(size=(len(ids), 6)))
            gallery.add(np.array(sorted(ids), np.int64), features)
            for i, row in zip(sorted(ids), features, strict=True):
                lists[i] = [*lists.get(i, []), row][-3:]
        asked, found = np.arange(1, 31), unit(rng.normal(size=(4, 6)))
        wanted = rng.random((30, 4)) < 0.7
        distances = gallery.distances(asked, found, wanted)
        for i, row, want in zip(asked.tolist(), distances, wanted, strict=True):
            expected = [min((1 - g @ f for g in lists.get(i, [])), default=np.inf) for f in found]
            np.testing.assert_allclose(row, np.where(want, expected, np.inf), atol=1e-5)
        assert len(gallery) == len(lists)


def test_features_of_another_length_are_refused():
    gallery = Gallery()
    gallery.add(np.array([1]), np.ones((1, 8), np.float32))
    with pytest.raises(ShapeError, match="8"):
        gallery.add(np.array([1]), np.ones((1, 9), np.float32))
