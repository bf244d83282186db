"""Drawn scenes for speed: people walk about a full picture; a detector sees them badly. All from one seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]

#: the picture, and the share of it that all objects together would cover side by side
WIDTH, HEIGHT, COVER = 1920, 1080, 0.6
FPS = 30.0
#: noise of each box edge, in heights; share of boxes missed though in view; extra boxes per object
NOISE, MISSED, FALSE = 0.02, 0.04, 0.03
#: numbers of an appearance descriptor, and how far one look differs from the next
DIMENSIONS, LOOK_NOISE = 128, 0.3


@dataclass(frozen=True, slots=True)
class Scene:
    """Detections of F frames, rows ordered by frame (from 1), as a detector would report them."""

    frames: npt.NDArray[np.int64]
    boxes: Float
    scores: Float
    #: (R, D) unit rows, one look per box
    features: npt.NDArray[np.float32] | None
    length: int


def scene(count: int, length: int, seed: int = 0, *, features: bool = False) -> Scene:
    """`count` objects in every frame; who leaves the picture is replaced by a newcomer at its edge.

    The picture is as full at every count: with 50 people they are 250 pixels tall, with 1,000 they are
    55. So a box touches a few others whatever their number, and those in front hide those behind.
    """
    rng = np.random.default_rng(seed)
    walkers = _Walkers(count, rng)
    parts = [_see(walkers.step(), rng) for _ in range(length)]
    frames = np.repeat(np.arange(1, length + 1), [len(boxes) for boxes, _, _ in parts])
    owners = np.concatenate([names for _, _, names in parts])
    return Scene(
        frames,
        np.concatenate([boxes for boxes, _, _ in parts]),
        np.concatenate([scores for _, scores, _ in parts]),
        _looks(owners, rng) if features else None,
        length,
    )


class _Walkers:
    """Who is there: feet, speed and height of each, in pixels and pixels per frame."""

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self._rng, self._born = rng, count
        self._typical = min(300.0, float(np.sqrt(COVER * WIDTH * HEIGHT / count / 0.4)))
        self.feet = rng.uniform((0, 0.2 * HEIGHT), (WIDTH, HEIGHT), (count, 2))
        self.speed = rng.normal(0, 1, (count, 2)) * (0.025, 0.008) * self._typical
        self.build = rng.normal(1, 0.08, count)
        self.names = np.arange(count)

    def step(self) -> tuple[Float, npt.NDArray[np.int64]]:
        """One frame on: boxes (N, 4) and names (N,), those farther away first."""
        self.speed += self._rng.normal(0, 0.0015 * self._typical, self.speed.shape)
        self.feet += self.speed
        x, y = self.feet.T
        self._replace(np.flatnonzero((x < 0) | (x > WIDTH) | (y < 0.15 * HEIGHT) | (y > 1.1 * HEIGHT)))
        height = self._typical * self.build * (0.6 + 0.7 * self.feet[:, 1] / HEIGHT)
        half = 0.2 * height
        boxes = np.column_stack(
            [self.feet[:, 0] - half, self.feet[:, 1] - height, self.feet[:, 0] + half, self.feet[:, 1]]
        )
        order = np.argsort(self.feet[:, 1])
        return boxes[order], self.names[order]

    def _replace(self, gone: npt.NDArray[np.int64]) -> None:
        count = len(gone)
        left = self._rng.random(count) < 0.5
        self.feet[gone, 0] = np.where(left, 0, WIDTH)
        self.feet[gone, 1] = self._rng.uniform(0.2 * HEIGHT, HEIGHT, count)
        inwards = np.abs(self._rng.normal(0.02, 0.01, count)) * self._typical
        self.speed[gone] = np.column_stack([np.where(left, inwards, -inwards), np.zeros(count)])
        self.names[gone] = np.arange(self._born, self._born + count)
        self._born += count


def _see(
    there: tuple[Float, npt.NDArray[np.int64]], rng: np.random.Generator
) -> tuple[Float, Float, npt.NDArray[np.int64]]:
    """What a detector makes of it: boxes, scores, names (-1 for what is nothing)."""
    boxes, names = there
    hidden = _hidden(boxes)
    scores = np.clip(0.95 - 0.8 * hidden + rng.normal(0, 0.05, len(boxes)), 0.05, 0.99)
    seen = (rng.random(len(boxes)) > MISSED) & (hidden < 0.85)
    height = (boxes[:, 3] - boxes[:, 1])[:, None]
    noisy = boxes + rng.normal(0, NOISE, boxes.shape) * height
    count = rng.poisson(FALSE * len(boxes))
    nothing = boxes[rng.integers(0, len(boxes), count)] + np.tile(rng.normal(0, 300, (count, 2)), 2)
    all_boxes = np.concatenate([noisy[seen], nothing])
    all_scores = np.concatenate([scores[seen], rng.uniform(0.1, 0.55, count)])
    all_names = np.concatenate([names[seen], np.full(count, -1)])
    order = np.argsort(-all_scores, kind="stable")
    return all_boxes[order], all_scores[order], all_names[order]


def _hidden(boxes: Float) -> Float:
    """(N,) the largest share of each box that one box in front of it (a later row) covers."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    covered: Float = (np.triu(shared, k=1) / area[:, None]).max(axis=1)
    return covered


def _looks(owners: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """(R, D) unit rows: each owner's own direction, disturbed; what is nothing looks like anything."""
    own = _unit(rng.normal(size=(int(owners.max()) + 1, DIMENSIONS)))
    rows = np.where(
        owners[:, None] >= 0,
        own[owners] + LOOK_NOISE / np.sqrt(DIMENSIONS) * rng.normal(size=(len(owners), DIMENSIONS)),
        rng.normal(size=(len(owners), DIMENSIONS)),
    )
    return _unit(rows).astype(np.float32)


def _unit(rows: Float) -> Float:
    scaled: Float = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled
