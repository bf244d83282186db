"""ByteTrack (Zhang et al., ECCV 2022)."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.trackers.references.common import Float, HeightFilter, SizeFilter, iou, min_cost, others


class _Track:
    """A track: followed (`lost` is false) or looked for, and `confirmed` from its second detection on."""

    def __init__(
        self, number: int, motion: HeightFilter, score: float, frame: int, *, confirmed: bool
    ) -> None:
        self.filter = motion
        self.number, self.score, self.born, self.seen = number, score, frame, frame
        self.confirmed, self.lost = confirmed, False

    def update(self, box: Float, score: float, frame: int) -> None:
        self.filter.update(box)
        self.score, self.seen, self.confirmed, self.lost = score, frame, True, False


class ByteTrack:
    """Algorithm 1, with what the released code adds to it and the paper's numbers were made with.

    It adds: costs of the sure detections go by their score; tracks with one detection are matched last and
    end when missed; a track begins only at `high` + 0.1, and on the first frame counts at once; while lost,
    the height stands still. `published` adds two more:
    - tracks with one detection are not predicted before they are matched;
    - of a followed and a lost track on one place the one that lived shorter goes.
    """

    #: rates that stand still while a track is lost
    frozen = slice(7, 8)
    new_filter: type[HeightFilter] = HeightFilter

    def __init__(
        self,
        high: float = 0.6,
        low: float = 0.1,
        match: float = 0.9,
        buffer: int = 30,
        *,
        published: bool = False,
    ) -> None:
        self.high, self.low, self.match, self.buffer = high, low, match, buffer
        self.birth = high + 0.1
        self.published = published
        self._tracks: list[_Track] = []
        self._born = self._frame = 0

    def update(self, boxes: Float, scores: Float) -> list[tuple[float, ...]]:
        """x1, y1, x2, y2, id, score of the confirmed tracks seen on this frame."""
        self._frame += 1
        new = [t for t in self._tracks if not t.confirmed]
        pool = [t for t in self._tracks if t.confirmed]
        for track in pool if self.published else self._tracks:
            if track.lost:
                track.filter.mean[self.frozen] = 0.0
            track.filter.predict()
        sure, unsure = scores >= self.high, (scores > self.low) & (scores < self.high)
        left, boxes_left, scores_left = self._match(pool, boxes[sure], scores[sure], self.match, fused=True)
        left = [t for t in left if not t.lost]
        left, _, _ = self._match(left, boxes[unsure], scores[unsure], 0.5, fused=False)
        for track in left:
            track.lost = True
        gone, boxes_left, scores_left = self._match(new, boxes_left, scores_left, 0.7, fused=True)
        self._tracks = [t for t in self._tracks if t not in gone and self._frame - t.seen <= self.buffer]
        for box, score in zip(boxes_left, scores_left.tolist(), strict=True):
            if score >= self.birth:
                self._born += 1
                motion, first = self.new_filter(box), self._frame == 1
                self._tracks.append(_Track(self._born, motion, score, self._frame, confirmed=first))
        if self.published:
            self._remove_duplicates()
        return [(*t.filter.box, t.number, t.score) for t in self._tracks if t.confirmed and not t.lost]

    def _match(
        self, tracks: list[_Track], boxes: Float, scores: Float, limit: float, *, fused: bool
    ) -> tuple[list[_Track], Float, Float]:
        """Match and update; the tracks and detections left over."""
        similarity = iou([t.filter.box for t in tracks], boxes)
        pairs = min_cost(1 - (similarity * scores if fused else similarity), limit)
        for row, col in pairs:
            tracks[row].update(boxes[col], float(scores[col]), self._frame)
        rows, cols = [r for r, _ in pairs], others(len(boxes), [c for _, c in pairs])
        return [tracks[r] for r in others(len(tracks), rows)], boxes[cols], scores[cols]

    def _remove_duplicates(self) -> None:
        """Of a followed and a lost track that cover each other by 0.85 the one that lived longer stays."""
        followed = [t for t in self._tracks if not t.lost]
        lost = [t for t in self._tracks if t.lost]
        gone: list[Any] = []
        same = iou([t.filter.box for t in followed], [t.filter.box for t in lost]) > 0.85
        for row, col in zip(*np.nonzero(same), strict=True):
            a, b = followed[row], lost[col]
            gone.append(b if a.seen - a.born > b.seen - b.born else a)
        self._tracks = [t for t in self._tracks if t not in gone]


class BotSort(ByteTrack):
    """BoT-SORT (Aharon et al. 2022) where the camera stands and nobody looks: width in the state, too."""

    frozen = slice(6, 8)
    new_filter = SizeFilter

    def __init__(self, *, match: float = 0.8, buffer: int = 30, published: bool = False) -> None:
        super().__init__(match=match, buffer=buffer, published=published)
