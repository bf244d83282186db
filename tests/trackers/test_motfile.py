"""MOT text in and out."""

from __future__ import annotations

import numpy as np
import pytest

from trackers import Tracks
from trackers.motfile import MotRows, mot_lines, read_mot
from vidstream.errors import SourceError


def test_real_ground_truth_is_read_whole(assets):
    rows = read_mot(assets("mot/PETS09-S2L1/gt/gt.txt"))
    assert len(rows) == len(assets("mot/PETS09-S2L1/gt/gt.txt").read_text().splitlines())
    assert (rows.frames.min(), rows.frames.max()) == (1, 795)
    assert len(np.unique(rows.ids)) == 19
    first = rows.ids == 9
    np.testing.assert_allclose(rows[first].boxes[0], [499, 158, 499 + 31.03, 158 + 75.17], rtol=1e-5)


def test_real_detections_have_no_identity(assets):
    rows = read_mot(assets("mot/KITTI-T-0000/det/det.txt"))
    assert (rows.ids == -1).all()
    assert set(rows.class_ids.tolist()) <= {1, 2, 3}
    assert rows.scores[0] == np.float32(8.2981)


def test_frames_come_in_order_and_empty_ones_too(tmp_path):
    path = tmp_path / "rows.txt"
    path.write_text("4,2,1,1,5,5,1\n2,1,0,0,10,10,0.5\n2,3,7,7,2,2,0.25\n")
    frames = list(read_mot(path).by_frame(last=5))
    assert [frame for frame, _ in frames] == [1, 2, 3, 4, 5]
    assert [d.track_ids.tolist() for _, d in frames] == [[], [1, 3], [], [2], []]
    assert frames[1][1].boxes.tolist() == [[0, 0, 10, 10], [7, 7, 9, 9]]
    assert [frame for frame, _ in read_mot(path).by_frame()] == [1, 2, 3, 4]


def test_what_is_written_is_read_back(tmp_path):
    rng = np.random.default_rng(0)
    written, path = [], tmp_path / "out.txt"
    with path.open("w") as file:
        for frame in range(1, 6):
            corner = rng.uniform(0, 500, (frame, 2))
            boxes = np.concatenate([corner, corner + rng.uniform(1, 99, (frame, 2))], axis=1)
            tracks = Tracks.of(boxes, rng.random(frame), track_ids=np.arange(frame) + 1)
            written.append(MotRows.of(frame, tracks))
            file.write(mot_lines(frame, tracks))
    expected, found = MotRows.concat(written), read_mot(path)
    np.testing.assert_array_equal(found.frames, expected.frames)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.011)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)


def test_an_empty_file_has_no_rows(tmp_path):
    (tmp_path / "none.txt").write_text("\n\n")
    rows = read_mot(tmp_path / "none.txt")
    assert len(rows) == 0
    assert list(rows.by_frame()) == []


def test_six_columns_are_enough(tmp_path):
    (tmp_path / "six.txt").write_text("1 5 10 20 30 40\n")
    rows = read_mot(tmp_path / "six.txt")
    assert (rows.boxes.tolist(), rows.scores.tolist(), rows.class_ids.tolist()) == (
        [[10, 20, 40, 60]],
        [1],
        [-1],
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(b"1,2,three,4,5,6,1\n", "three", id="a word"),
        pytest.param(b"1,2,3\n", "got 3 values", id="too few columns"),
        pytest.param(b"\xff\xfe\x00rubbish", "decode", id="no text"),
        pytest.param(None, "No such file", id="no file"),
    ],
)
def test_something_else_is_refused_with_its_name(tmp_path, content, complaint):
    path = tmp_path / "odd.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=complaint) as error:
        read_mot(path)
    assert "odd.txt" in str(error.value)
