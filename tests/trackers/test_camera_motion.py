"""The camera's motion is found where it is known, is nothing where there is none, and is doubted in time."""

from __future__ import annotations

from itertools import islice, pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackers.camera_motion import METHODS, Ecc, SparseFlow, from_boxes, scale_of, warp_boxes
from trackers.motfile import read_mot

WIDTH, HEIGHT = 640, 480


def similarity(degrees=0.0, scale=1.0, shift=(0.0, 0.0), size=(WIDTH, HEIGHT)):
    """About the middle of the picture."""
    matrix = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), degrees, scale)
    matrix[:, 2] += shift
    return matrix


def error(found, true, size=(WIDTH, HEIGHT)):
    """Where the picture's corners go wrong, at most, in pixels."""
    corners = np.array([[0, 0], [size[0], 0], [0, size[1]], size], float)
    return np.linalg.norm(corners @ (found - true)[:, :2].T + (found - true)[:, 2], axis=1).max()


@pytest.fixture(scope="module")
def photo(assets):
    """A large picture to look at parts of, (1260, 1680, 3)."""
    image = cv2.imread(str(assets("pictures/bus.jpg")))
    return cv2.resize(image[:810], (1680, 1260), interpolation=cv2.INTER_CUBIC)


def view(photo, matrix, mover=None):
    """What a camera sees of the middle of the photo after `matrix`; a mover (x, y) is in front of it."""
    middle = np.array([[1, 0, (WIDTH - photo.shape[1]) / 2], [0, 1, (HEIGHT - photo.shape[0]) / 2]])
    whole = np.vstack([matrix, [0, 0, 1]]) @ np.vstack([middle, [0, 0, 1]])
    # boxes count pixels from their edges, cv2 from their centres
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    seen = cv2.warpAffine(
        photo, (np.linalg.inv(half) @ whole @ half)[:2], (WIDTH, HEIGHT), flags=cv2.INTER_AREA
    )
    if mover is not None:
        x, y = mover
        seen[y : y + 240, x : x + 200] = photo[100:340, 50:250]
    return seen


MOTIONS = [
    pytest.param(similarity(), id="still"),
    pytest.param(similarity(shift=(7.3, -4.6)), id="shifted"),
    pytest.param(similarity(shift=(-28.0, 12.0)), id="shifted far"),
    pytest.param(similarity(degrees=2.5), id="rolled"),
    pytest.param(similarity(scale=1.03), id="zoomed in"),
    pytest.param(similarity(-1.5, 0.97, (9.0, 5.0)), id="all at once"),
]


@pytest.mark.parametrize("matrix", MOTIONS)
@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_known_motion_is_found(photo, method, matrix):
    camera = METHODS[method]()
    camera.update(view(photo, similarity()))
    motion = camera.update(view(photo, matrix))
    assert motion.ok
    assert motion.matrix.dtype == np.float64
    assert error(motion.matrix, matrix) < {"sparse_flow": 0.25, "ecc": 0.5, "orb": 1.0}[method]


@pytest.mark.parametrize(
    ("method", "told"),
    [
        pytest.param("sparse_flow", False, id="flow, unannounced"),
        pytest.param("sparse_flow", True, id="flow, with its box"),
        pytest.param("orb", False, id="orb, unannounced"),
        pytest.param("orb", True, id="orb, with its box"),
        # ECC correlates the whole picture: it must be told
        pytest.param("ecc", True, id="ecc, with its box"),
    ],
)
def test_an_object_with_a_way_of_its_own_does_not_take_the_camera_along(photo, method, told):
    """A bush, a sixth of the picture and most of its corners, moves against the camera."""
    matrix, places = similarity(1.0, 1.0, (6.0, 3.0)), [(300, 120), (276, 132)]
    camera = METHODS[method]()
    for seen, (x, y) in zip((similarity(), matrix), places, strict=True):
        box = np.array([[x, y, x + 200, y + 240]], np.float32)
        motion = camera.update(view(photo, seen, (x, y)), box if told else None)
    assert motion.ok
    # ORB's corners are whole pixels of a picture half the size
    assert error(motion.matrix, matrix) < (3.0 if method == "orb" else 1.0)


def test_a_bus_that_comes_to_fill_the_picture_does_not_take_the_camera_along(pictures):
    """The camera hardly moves; in frames 40 to 70 most corners are those of the bus."""
    camera = SparseFlow()
    for image in islice(pictures("video/bus_text_1080p.mp4"), 34, 70, 2):
        assert np.linalg.norm(camera.update(image).matrix[:, 2]) < 15


@pytest.mark.parametrize("method", ["sparse_flow", "orb"])
def test_two_depths_the_farther_fills_the_picture(photo, method):
    """A pan of ten pictures: the near third of the picture goes by three times as fast as the rest."""
    camera, shifts = METHODS[method](), []
    for step in range(10):
        seen = view(photo, similarity(shift=(-6.0 * step, 0)))
        seen[320:] = view(photo, similarity(shift=(-18.0 * step, 0)))[320:]
        shifts.append(camera.update(seen).matrix[0, 2])
    np.testing.assert_allclose(shifts[1:], -6.0, atol=0.7)


STATIC = [
    pytest.param("PETS09-S2L1", "video/vtest.avi", 40, id="vtest"),
    pytest.param("TUD-Stadtmitte", "video/TUD-Stadtmitte.mp4", 30, id="town centre"),
    pytest.param("TUD-Campus", "video/TUD-Campus.mp4", 30, id="campus"),
]


@pytest.mark.parametrize(("name", "video", "count"), STATIC)
@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_camera_that_stands_still_is_seen_to_stand_still(mot, pictures, method, name, video, count):
    camera, truth, moved = METHODS[method](), dict(mot(name).truth.by_frame()), []
    for frame, image in enumerate(islice(pictures(video), count), 1):
        people = truth.get(frame)
        motion = camera.update(image, None if people is None else people.boxes)
        assert motion.ok or frame == 1
        moved.append(error(motion.matrix, np.eye(2, 3), image.shape[1::-1]))
    assert np.quantile(moved, 0.95) < 1.0
    assert max(moved) < 2.0


MOVING = [
    pytest.param("sot/03_pedestrian1/pedestrian1.mpg", 0.75, id="from the shoulder"),
    pytest.param("sot/06_car/car.mpg", 0.75, id="from a car"),
]


@pytest.mark.parametrize(("video", "most"), MOVING)
@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_moving_cameras_pictures_fit_once_its_motion_is_taken_out(pictures, method, video, most):
    """The golden value is the picture itself: what is left of the difference to the picture before."""
    camera, left = METHODS[method](), []
    frames = list(islice(pictures(video), 25))
    camera.update(frames[0])
    for before, after in pairwise(frames):
        motion = camera.update(after)
        assert motion.ok
        moved = cv2.warpAffine(before, motion.matrix, before.shape[1::-1])
        middle = np.s_[40:-40, 40:-40]
        left.append(cv2.absdiff(moved, after)[middle].mean() / cv2.absdiff(before, after)[middle].mean())
    assert np.median(left) < most
    assert max(left) < 1.1


def flat(value):
    return np.full((HEIGHT, WIDTH, 3), value, np.uint8)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_what_cannot_be_known_is_said_to_be_unknown(photo, assets, method):
    """Each picture is put before the camera after the same first one."""
    rng, still = np.random.default_rng(5), view(photo, similarity())
    cases = {
        "flat": flat(90),
        "a cut": cv2.resize(cv2.imread(str(assets("pictures/dog.jpg"))), (WIDTH, HEIGHT)),
        "noise alone": rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8),
        "another size": still[:400, :500],
        "upside down": np.ascontiguousarray(still[::-1, ::-1]),
        "narrower than a corner": still[:3, :3],
    }
    for case, image in cases.items():
        camera = METHODS[method]()
        camera.update(still)
        motion = camera.update(image)
        assert not motion.ok, case
        np.testing.assert_array_equal(motion.matrix, np.eye(2, 3))
    camera.update(still)
    assert camera.update(still).ok, "it goes on when pictures fit again"


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize(
    "image",
    [
        pytest.param(flat(0), id="flat"),
        pytest.param(np.random.default_rng(1).normal(90, 3, (HEIGHT, WIDTH, 3)).astype(np.uint8), id="noisy"),
        pytest.param(np.zeros((1, 1, 3), np.uint8), id="one pixel"),
    ],
)
def test_pictures_without_anything_to_hold_on_to_move_nothing(method, image):
    camera = METHODS[method]()
    for _ in range(3):
        assert error(camera.update(image).matrix, np.eye(2, 3)) < 1e-3


@pytest.mark.parametrize("method", sorted(METHODS))
def test_everything_masked_is_unknown(photo, method):
    camera = METHODS[method]()
    for _ in range(2):
        motion = camera.update(view(photo, similarity()), np.array([[-50, -50, 9999, 9999]], np.float32))
    assert not motion.ok


@pytest.mark.parametrize("method", sorted(METHODS))
def test_cuts_between_real_clips_are_noticed(pictures, method):
    clips = ["video/vtest.avi", "video/TUD-Campus.mp4", "sot/06_car/car.mpg", "video/face_talking.mp4"]
    firsts = [cv2.resize(next(pictures(clip)), (WIDTH, HEIGHT)) for clip in clips]
    camera = METHODS[method]()
    assert not any(camera.update(image).ok for image in [*firsts, *firsts[::-1][1:]])


@pytest.mark.parametrize("method", sorted(METHODS))
def test_noise_of_the_sensor_does_not_shake_the_camera(photo, method):
    rng, still, camera = np.random.default_rng(3), view(photo, similarity()), METHODS[method]()
    for _ in range(4):
        noisy = np.clip(still + rng.normal(0, 8, still.shape), 0, 255).astype(np.uint8)
        assert error(camera.update(noisy).matrix, np.eye(2, 3)) < 0.8


@pytest.mark.parametrize("method", sorted(METHODS))
def test_equal_pictures_give_equal_matrices(photo, method):
    """Whatever state OpenCV's own generator of random numbers is in, and however many threads it has."""
    threads, found = cv2.getNumThreads(), []
    for seed in (1, 77):
        cv2.setRNGSeed(seed)
        cv2.setNumThreads(seed % 3)
        camera = METHODS[method]()
        for matrix in (similarity(), similarity(1.0, 1.01, (5, 2))):
            motion = camera.update(view(photo, matrix, (100, 100)))
        found.append(motion.matrix)
    cv2.setNumThreads(threads)
    np.testing.assert_array_equal(*found)


def test_after_a_reset_a_picture_is_the_first(photo):
    camera = SparseFlow()
    camera.update(view(photo, similarity()))
    camera.reset()
    assert not camera.update(view(photo, similarity())).ok


def test_grey_pictures_will_do_and_nothing_is_written_to(photo):
    camera, found = SparseFlow(), []
    for matrix in (similarity(), similarity(shift=(4, 4))):
        seen = np.asarray(cv2.cvtColor(view(photo, matrix), cv2.COLOR_BGR2GRAY))
        seen.flags.writeable = False
        found.append(camera.update(seen, np.array([[10, 10, 60, 60]], np.float32)))
    assert error(found[1].matrix, similarity(shift=(4, 4))) < 0.25


def test_large_pictures_are_measured_small_and_answered_in_their_own_pixels(photo):
    """1680 wide: the picture is looked at four times smaller."""
    size, camera = (1680, 1260), SparseFlow()
    matrix = similarity(0.7, 1.01, (13.0, -7.0), size)
    camera.update(photo)
    motion = camera.update(cv2.warpAffine(photo, matrix, size, borderMode=cv2.BORDER_REFLECT))
    assert error(motion.matrix, matrix, size) < 1.0


def test_ecc_is_not_put_off_by_a_change_of_light(photo):
    """The correlation does not care for brightness and contrast, by its definition."""
    camera, matrix = Ecc(), similarity(shift=(3.0, 2.0))
    camera.update(view(photo, similarity()))
    motion = camera.update((view(photo, matrix) * 0.6 + 60).astype(np.uint8))
    assert error(motion.matrix, matrix) < 0.3


# ---- without pictures


def boxes_at(points, size=(40, 80)):
    return np.hstack([points - np.array(size) / 2, points + np.array(size) / 2])


#: as much as cameras turn and zoom from one frame to the next
matrices = st.builds(
    similarity, st.floats(-0.8, 0.8), st.floats(0.98, 1.02), st.tuples(st.floats(-60, 60), st.floats(-60, 60))
)


@settings(deadline=None, max_examples=80)
@given(st.integers(8, 60), matrices, st.integers(0, 999))
def test_the_motion_that_most_boxes_share_is_found_among_strays(count, matrix, seed):
    rng = np.random.default_rng(seed)
    before = boxes_at(rng.uniform(0, (1900, 1000), (count, 2)))
    after = warp_boxes(matrix, before)
    strays = rng.permutation(count)[: count // 4]
    after[strays] += rng.choice([-1, 1], (len(strays), 1)) * 90.0
    motion = from_boxes(before, after)
    assert motion.ok
    kept = np.setdiff1d(np.arange(count), strays)
    assert np.median(np.abs(warp_boxes(motion.matrix, before) - after)[kept]) < 1.5


@settings(deadline=None, max_examples=40)
@given(st.integers(3, 40), matrices, st.integers(0, 999))
def test_neither_the_order_of_pairs_nor_strangers_without_weight_matter(count, matrix, seed):
    rng = np.random.default_rng(seed)
    before = boxes_at(rng.uniform(0, (1900, 1000), (count, 2)))
    after = warp_boxes(matrix, before) + rng.normal(0, 0.5, before.shape)
    plain = from_boxes(before, after)
    order = rng.permutation(len(before) + 5)
    extended = [np.vstack([b, rng.uniform(0, 500, (5, 4))])[order] for b in (before, after)]
    weights = np.r_[np.ones(len(before)), np.zeros(5)][order]
    shuffled = from_boxes(*extended, weights)
    assert shuffled.ok == plain.ok
    np.testing.assert_allclose(shuffled.matrix, plain.matrix, atol=1e-6)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(np.zeros((0, 4)), np.zeros((0, 4)), id="no pairs"),
        pytest.param(boxes_at(np.eye(2) * 90), boxes_at(np.eye(2) * 95), id="two pairs"),
        pytest.param(
            boxes_at(np.arange(24).reshape(12, 2) * 40.0),
            boxes_at(np.random.default_rng(0).uniform(0, 900, (12, 2))),
            id="each its own way",
        ),
    ],
)
def test_boxes_without_a_common_motion_tell_nothing(before, after):
    motion = from_boxes(before, after)
    assert not motion.ok
    np.testing.assert_array_equal(motion.matrix, np.eye(2, 3))


def test_boxes_without_size_give_numbers():
    boxes = np.zeros((5, 4), np.float32)
    assert np.isfinite(from_boxes(boxes, boxes).matrix).all()
    inside_out = np.tile(np.array([[50, 50, 10, 10]], np.float32), (5, 1))
    assert np.isfinite(from_boxes(inside_out, boxes).matrix).all()


def test_pedestrians_alone_tell_most_of_how_a_bus_turns(assets):
    """Golden values: the motion that UCMCTrack's authors found in the pictures of MOT17-13."""
    rows = np.loadtxt(assets("mot/MOT17-13/gmc.txt"))
    truth, left, there = dict(read_mot(assets("mot/MOT17-13/gt/gt.txt")).by_frame()), [], []
    for row in rows:
        golden, frame = row[1:7].reshape(2, 3), int(row[0]) + 1
        if frame not in truth or frame + 1 not in truth:
            continue
        a, b = truth[frame], truth[frame + 1]
        _, of_a, of_b = np.intersect1d(a.track_ids, b.track_ids, return_indices=True)
        if len(of_a) < 3:
            continue
        before, after = a.boxes[of_a], b.boxes[of_b]
        right = warp_boxes(golden, before)
        there.append(np.abs(right - before).mean())
        left.append(np.abs(warp_boxes(from_boxes(before, after).matrix, before) - right).mean())
    assert len(left) > 600
    assert np.mean(left) < 0.4 * np.mean(there)


def test_boxes_follow_the_camera_upright():
    box = np.array([[300, 200, 340, 280]], np.float32)
    moved = warp_boxes(similarity(degrees=90, scale=2.0, shift=(10, 0)), box)
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved, [[290, 160, 370, 320]], atol=1e-3)
    assert scale_of(similarity(degrees=30, scale=1.2)) == pytest.approx(1.2)
