"""The batched filter against filterpy, and the algebra that real time steps must obey."""

from __future__ import annotations

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter as OneTrack
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import mahalanobis

from trackers.kalman import UVSR, XYAH, XYWH, KalmanFilter, MotionModel, State

SEQUENCES, STEPS = 1500, 8
MODELS = [
    pytest.param(XYAH(), id="DeepSORT's state"),
    pytest.param(UVSR(), id="SORT's state"),
    pytest.param(XYWH(), id="BoT-SORT's state"),
]


def means(state: State) -> np.ndarray:
    """(N, 8) as the papers write them."""
    return np.concatenate([state[0], state[1]]).T


def covariances(state: State) -> np.ndarray:
    """(N, 8, 8) put together from the planes."""
    full = np.zeros((state.shape[2], 8, 8))
    k = np.arange(4)
    full[:, k, k] = state[2].T
    full[:, k, k + 4] = full[:, k + 4, k] = state[3].T
    full[:, k + 4, k + 4] = state[4].T
    return full


def spreads(model: MotionModel, state: State) -> np.ndarray:
    """(N, 4, 4) H P H' + R."""
    noise = np.broadcast_to(model.measurement(state[0]), state[0].shape).T
    return covariances(state)[:, :4, :4] + noise[:, :, None] * np.eye(4)


def random_walks(seed: int) -> np.ndarray:
    """(STEPS, SEQUENCES, 4) boxes that move, grow, shrink and jitter."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(0, 2000, (SEQUENCES, 2)) + np.cumsum(rng.normal(0, 8, (STEPS, SEQUENCES, 2)), axis=0)
    size = rng.uniform(5, 400, (SEQUENCES, 2)) * np.exp(rng.normal(0, 0.1, (STEPS, SEQUENCES, 2)))
    return np.concatenate([centre - size / 2, centre + size / 2], axis=2)


def sort_reference(z: np.ndarray) -> OneTrack:
    """The seven-state filter of the SORT paper, matrices as published by its author."""
    kf = OneTrack(dim_x=7, dim_z=4)
    kf.F = np.eye(7) + np.eye(7, k=4)
    kf.H = np.eye(4, 7)
    kf.R[2:, 2:] *= 10.0
    kf.P[4:, 4:] *= 1000.0
    kf.P *= 10.0
    kf.Q[-1, -1] *= 0.01
    kf.Q[4:, 4:] *= 0.01
    kf.x[:4] = z[:, None]
    return kf


def sort_step(kf: OneTrack, z: np.ndarray) -> None:
    if kf.x[6] + kf.x[2] <= 0:
        kf.x[6] *= 0.0
    kf.predict()
    kf.update(z[:, None])


def deepsort_reference(z: np.ndarray) -> OneTrack:
    kf = OneTrack(dim_x=8, dim_z=4)
    kf.F = np.eye(8) + np.eye(8, k=4)
    kf.H = np.eye(4, 8)
    h = z[3]
    std = [2 / 20 * h, 2 / 20 * h, 1e-2, 2 / 20 * h, 10 / 160 * h, 10 / 160 * h, 1e-5, 10 / 160 * h]
    kf.P = np.diag(np.square(std))
    kf.x[:4] = z[:, None]
    return kf


def deepsort_step(kf: OneTrack, z: np.ndarray) -> None:
    h = float(kf.x[3, 0])
    kf.Q = np.diag(np.square([h / 20, h / 20, 1e-2, h / 20, h / 160, h / 160, 1e-5, h / 160]))
    kf.predict()
    h = float(kf.x[3, 0])
    kf.R = np.diag(np.square([h / 20, h / 20, 1e-1, h / 20]))
    kf.update(z[:, None])


def botsort_reference(z: np.ndarray) -> OneTrack:
    kf = OneTrack(dim_x=8, dim_z=4)
    kf.F, kf.H = np.eye(8) + np.eye(8, k=4), np.eye(4, 8)
    w, h = z[2:]
    kf.P = np.diag(np.square([w / 10, h / 10, w / 10, h / 10, w / 16, h / 16, w / 16, h / 16]))
    kf.x[:4] = z[:, None]
    return kf


def botsort_step(kf: OneTrack, z: np.ndarray) -> None:
    w, h = kf.x[2:4, 0]
    kf.Q = np.diag(np.square([w / 20, h / 20, w / 20, h / 20, w / 160, h / 160, w / 160, h / 160]))
    kf.predict()
    w, h = kf.x[2:4, 0]
    kf.R = np.diag(np.square([w / 20, h / 20, w / 20, h / 20]))
    kf.update(z[:, None])


@pytest.mark.parametrize(
    ("model", "reference", "one_step"),
    [
        pytest.param(XYWH(), botsort_reference, botsort_step, id="BoT-SORT's state"),
        pytest.param(XYAH(), deepsort_reference, deepsort_step, id="DeepSORT's state"),
        pytest.param(UVSR(), sort_reference, sort_step, id="SORT's state, seven coordinates"),
    ],
)
def test_equals_filterpy_step_by_step(model, reference, one_step):
    kalman, boxes = KalmanFilter(model), random_walks(seed=1)
    measured = [model.measure(b) for b in boxes]
    state, singles = kalman.start(measured[0]), [reference(z) for z in measured[0].T]
    size = singles[0].dim_x
    for z in measured[1:]:
        state = kalman.update(kalman.predict(state, 1.0), z)
        for kf, row in zip(singles, z.T, strict=True):
            one_step(kf, row)
        expected = np.array([kf.x[:, 0] for kf in singles])
        np.testing.assert_allclose(means(state)[:, :size], expected, rtol=1e-9, atol=1e-9)
        expected = np.array([kf.P for kf in singles])
        scale = np.abs(expected).max(axis=(1, 2), keepdims=True)
        assert (np.abs(covariances(state)[:, :size, :size] - expected) / scale).max() < 1e-9
    assert not means(state)[:, size:].any()
    assert not covariances(state)[:, size:].any()


def test_noise_of_a_track_100_pixels_high_is_as_published():
    model = XYAH()
    state = KalmanFilter(model).start(np.array([[300.0, 200.0, 0.5, 100.0]]).T)
    std = np.sqrt(state[[2, 4], :, 0]).ravel()
    np.testing.assert_allclose(std, [10, 10, 0.01, 10, 6.25, 6.25, 1e-5, 6.25])
    noise = model.process(state[0])
    np.testing.assert_allclose(np.sqrt(noise.where[:, 0]), [5, 5, 0.01, 5])
    np.testing.assert_allclose(np.sqrt(noise.rate[:, 0]), [0.625, 0.625, 1e-5, 0.625])
    np.testing.assert_allclose(np.sqrt(model.measurement(state[0])[:, 0]), [5, 5, 0.1, 5])


def sort_state(rate: float = 2.0) -> State:
    kalman, model = KalmanFilter(UVSR()), UVSR()
    state = kalman.start(model.measure(np.array([[100.0, 100, 160, 300], [5, 5, 25, 30]])))
    later = model.measure(np.array([[103.0, 101, 164, 302], [4, 6, 24, 31]]))
    state = kalman.update(kalman.predict(state, 1.0), later)
    state[1, :2] = rate
    return state


steps = st.floats(0.0, 40.0)


@given(steps, steps)
def test_two_predictions_equal_one_over_both_times(first, second):
    kalman, start = KalmanFilter(UVSR()), sort_state()
    start[1, 2] = 0.0
    apart = kalman.predict(kalman.predict(start, first), second)
    at_once = kalman.predict(start, first + second)
    np.testing.assert_allclose(apart[:2], at_once[:2], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(apart[2:], at_once[2:], rtol=1e-7, atol=1e-6)


@given(st.floats(0.0, 3.0))
def test_covariance_stays_positive_for_any_part_of_a_frame(step):
    for model in (UVSR(), XYAH()):
        kalman = KalmanFilter(model)
        state = kalman.start(model.measure(np.array([[100.0, 100, 160, 300]])))
        for _ in range(5):
            state = kalman.predict(state, step)
        assert np.linalg.eigvalsh(covariances(state)).min() > -1e-12


def test_no_time_changes_nothing():
    kalman, start = KalmanFilter(UVSR()), sort_state()
    after = kalman.predict(start, 0.0)
    np.testing.assert_array_equal(after, start)


def test_a_shrinking_area_stops_before_it_vanishes():
    kalman, state = KalmanFilter(UVSR()), sort_state()
    state[1, 2] = -state[0, 2] / 2
    gone = kalman.predict(kalman.predict(state, 1.0), 5.0)
    assert (gone[0, 2] > 0).all()
    boxes = UVSR().boxes(gone[0])
    assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_a_height_that_coasting_takes_to_nothing_leaves_uncertainty():
    flat = np.array([[100.0], [100], [0.5], [0]])
    assert (XYAH().measurement(flat) > 0).all()
    assert all((variance > 0).all() for variance in XYAH().process(flat))


@pytest.mark.parametrize("model", MODELS)
def test_nothing_given_is_written_to(model):
    kalman = KalmanFilter(model)
    z = model.measure(np.array([[10.0, 10, 30, 50], [60, 60, 90, 99]]))
    state = kalman.start(z)
    for array in (state, z):
        array.flags.writeable = False
    after = kalman.predict(state, 1.5)
    after.flags.writeable = False
    kalman.update(after, z)
    kalman.warp(after, np.eye(2, 3))
    kalman.gating_distance(after, z)


@pytest.mark.parametrize("model", MODELS)
def test_covariance_stays_positive_over_a_long_run_with_pauses(model):
    kalman, rng = KalmanFilter(model), np.random.default_rng(5)
    box = np.array([[400.0, 300, 460, 480]])
    state = kalman.start(model.measure(box))
    for step in range(3000):
        state = kalman.predict(state, 1e7 if step % 1000 == 500 else rng.uniform(0, 3))
        state = kalman.update(state, model.measure(box + rng.normal(0, 2, (1, 4))))
    assert np.linalg.eigvalsh(covariances(state)).min() > -1e-9
    assert np.abs(model.boxes(state[0]) - box).max() < 10


@pytest.mark.parametrize("model", MODELS)
def test_gating_distance_is_scipys_mahalanobis_distance(model):
    kalman, boxes = KalmanFilter(model), random_walks(seed=2)[:3, :40]
    state = kalman.start(model.measure(boxes[0]))
    state = kalman.predict(kalman.update(kalman.predict(state, 1), model.measure(boxes[1])), 2.5)
    measured = model.measure(boxes[2][:25])
    distances = kalman.gating_distance(state, measured)
    expected = [
        [mahalanobis(z, mean, np.linalg.inv(spread)) ** 2 for z in measured.T]
        for mean, spread in zip(state[0].T, spreads(model, state), strict=True)
    ]
    np.testing.assert_allclose(distances, expected, rtol=1e-8)


@pytest.mark.parametrize(("tracks", "detections"), [(0, 3), (3, 0), (0, 0)])
def test_gating_distance_of_nobody_is_empty(tracks, detections):
    kalman = KalmanFilter(XYAH())
    state = kalman.start(np.full((4, tracks), 5.0))
    assert kalman.gating_distance(state, np.full((4, detections), 5.0)).shape == (tracks, detections)


sides = st.floats(1.0, 2000.0)


@pytest.mark.parametrize("model", MODELS)
@given(st.floats(-500, 4000), st.floats(-500, 4000), sides, sides)
def test_a_box_survives_the_way_to_coordinates_and_back(model, x, y, width, height):
    box = np.array([[x, y, x + width, y + height]])
    z = model.measure(box)
    back = model.boxes(z)
    np.testing.assert_allclose(back, box, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("model", MODELS)
def test_a_box_without_area_breaks_nothing(model):
    kalman = KalmanFilter(model)
    z = model.measure(np.array([[50.0, 50, 50, 50]]))
    state = kalman.update(kalman.predict(kalman.start(z), 1.0), z)
    assert np.isfinite(state).all()


@pytest.mark.parametrize("model", MODELS)
def test_a_camera_that_turns_zooms_and_shifts_moves_places_and_speeds(model):
    kalman = KalmanFilter(model)
    boxes, later = np.array([[100.0, 100, 140, 200]]), np.array([[104.0, 102, 144, 202]])
    state = kalman.update(kalman.predict(kalman.start(model.measure(boxes)), 1), model.measure(later))
    turn, zoom, shift = np.radians(90), 2.0, np.array([[30.0], [-10.0]])
    matrix = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    after = kalman.warp(state, np.hstack([matrix, shift]))
    np.testing.assert_allclose(after[0, :2], matrix @ state[0, :2] + shift)
    np.testing.assert_allclose(after[1, :2], matrix @ state[1, :2])
    before, now = model.boxes(state[0])[0], model.boxes(after[0])[0]
    np.testing.assert_allclose(now[2:] - now[:2], zoom * (before[2:] - before[:2]), rtol=1e-5)
    # a quarter turn swaps the uncertainties of x and y
    np.testing.assert_allclose(after[2:, :2], zoom**2 * state[2:, 1::-1], rtol=1e-9)


def test_a_warp_is_that_of_the_whole_matrices_where_x_and_y_are_equally_uncertain():
    model, kalman = XYAH(), KalmanFilter(XYAH())
    state = kalman.predict(kalman.start(model.measure(np.array([[10.0, 20, 50, 110]]))), 2.0)
    turn, zoom = 0.3, 1.1
    rotation = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    half = np.eye(4)
    half[:2, :2], half[3, 3] = rotation, zoom
    whole = np.kron(np.eye(2), half)
    after = kalman.warp(state, np.hstack([rotation, np.zeros((2, 1))]))
    np.testing.assert_allclose(covariances(after)[0], whole @ covariances(state)[0] @ whole.T, atol=1e-9)
