"""Loss and return: a tracker follows, a model of the object says whether it is still the object.

The division of labour of Kalal, Mikolajczyk and Matas, "Tracking-Learning-Detection" (PAMI 2012), around any
tracker: what is surely the object teaches the model; what is doubtful is held against the places near by that
look more like it; what is lost is sought in the whole picture.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from trackers.single.base import Found, SingleTracker
from trackers.single.looks import Lesson, ObjectModel, beside, patch, patches
from trackers.single.search import SIZES, search
from vidstream.geometry import Float32, clip, iou
from vidstream.types import Pixels
from vidstream.types.values import Positive, Ratio

#: so much more likeness another place must have than the tracker's: where that doubts, and where it does not
_DOUBT, _TRUST = 0.1, 0.3
#: a place close to where the object was lost is believed at this much less likeness
_CLOSE = 0.07
#: every so many pictures the box is aligned, and the rest of the picture looked at
_ALIGN, _LOOK = 5, 10
#: sizes tried near by, and how far a search goes, in sizes of the object
_NEAR_SIZES, _FARTHEST = (0.87, 1.0, 1.15), 12.0


@dataclass(frozen=True, slots=True)
class RecoveryParams:
    """When an object is known again."""

    sure: Ratio = (
        0.5  #: from this likeness on (0.5: as like its surroundings as itself) it is taken for certain
    )
    lost: Ratio = 0.25  #: below this likeness it is lost
    back: Ratio = 0.65  #: likeness from which another place in the picture is believed to be the object
    trust: Ratio = 0.5  #: while the tracker's own score is at least this, a known object may change its looks
    delay: Positive = 5  #: pictures on which the object must stay itself before its looks are learnt


class RecoveringTracker(SingleTracker):
    """Any tracker, with a memory of the object that tells when it is lost and finds it again."""

    def __init__(self, tracker: SingleTracker, params: RecoveryParams | None = None) -> None:
        super().__init__()
        self.tracker = tracker
        self.recovery = params or RecoveryParams()
        self.least_side = tracker.least_side

    def _learn(self, image: Pixels, box: Float32) -> None:
        self.tracker.init(image, box)
        self._model = ObjectModel(image, box)
        self._followed, self._trusted, self._last = True, True, box
        self._count = 0
        self._waiting: deque[tuple[Float32, Lesson]] = deque()
        self._look_about(image, box)
        self._misses = 0

    def _return(self, image: Pixels, box: Float32) -> None:
        self.tracker.resume(image, box)
        self._followed, self._trusted, self._last = True, True, box

    def _find(self, image: Pixels) -> Found:
        box, own = self.tracker.update(image) if self._followed else Found(None, 0.0)
        score = 0.0 if box is None else self._likeness(image, box)
        if score < self.recovery.sure:
            place, best = self._search(image, self._last if box is None else box)
            if place is not None and best > score + (_DOUBT if own < self.recovery.trust else _TRUST):
                self.tracker.resume(image, place)
                box, score = place, best
        self._trusted = score >= self.recovery.sure or (self._trusted and own >= self.recovery.trust)
        self._followed = box is not None and score >= self.recovery.lost
        if box is None or not self._followed:
            self._misses += 1
            self._waiting.clear()
            return Found(None, score)
        if self._trusted:
            box = self._aligned(image, box)
        self._learn_later(image, box)
        return Found(box, score)

    def _aligned(self, image: Pixels, box: Float32) -> Float32:
        """Every now and then: the box close by that looks most as the object did early on.

        Without it the errors of a tracker add up, and what is learnt follows them.
        """
        self._count += 1
        if self._count % _ALIGN:
            return box
        boxes = np.concatenate([box[None], beside(box)])
        sure = self._model.surely(patches(image, boxes))
        best = int(sure.argmax())
        if sure[best] < self.recovery.back or sure[best] < sure[0] + _DOUBT:
            return box
        self.tracker.resume(image, boxes[best])
        return np.asarray(boxes[best], np.float32)

    def _learn_later(self, image: Pixels, box: Float32) -> None:
        """Learn what was seen a while ago, now that the object has stayed like itself since.

        At once would teach the model what slides before the object, bit by bit.
        """
        if not self._trusted:
            self._waiting.clear()
            return
        self._misses = 0
        self._waiting.append((box, self._model.lesson(image, box)))
        if len(self._waiting) > self.recovery.delay:
            self._last, lesson = self._waiting.popleft()
            self._model.learn(lesson)
        if self._count % _LOOK == 0:
            self._look_about(image, box)

    @property
    def _room(self) -> float:
        """How far to look, in sizes of the object: ever farther while it is lost."""
        return min(1.3**self._misses, _FARTHEST)

    def _look_about(self, image: Pixels, box: Float32) -> None:
        """Whatever else in the picture looks like the object is not it."""
        places, _ = search(image, self._model, box, self._around(image, box, _FARTHEST), (0.8, 1.0, 1.25))
        away = iou(places, box[None])[:, 0] < 0.2
        self._model.reject(patches(image, places[away]))

    def _likeness(self, image: Pixels, box: Float32) -> float:
        return float(self._model.similarity(patch(image, box)[None])[0])

    def _search(self, image: Pixels, box: Float32) -> tuple[Float32 | None, float]:
        """The place within reach that is most like the object, if it is like enough to be it."""
        near = self._room <= 2
        # from afar all sizes are tried, a third of them on each picture
        sizes = _NEAR_SIZES if near else (1.0, *SIZES[self._misses % 3 :: 3])
        # the size is the last one learnt: what led away from the object may have changed it
        half, middle = (self._last[2:] - self._last[:2]) / 2, (box[:2] + box[2:]) / 2
        box = np.concatenate([middle - half, middle + half])
        places, scores = search(image, self._model, box, self._around(image, box, self._room), sizes)
        # close by, and with no better word from the tracker, less is enough
        least = self.recovery.back - (_CLOSE if near and not self._followed else 0.0)
        good = len(places) and scores[0] >= least
        return (places[0], float(scores[0])) if good else (None, 0.0)

    def _around(self, image: Pixels, box: Float32, room: float) -> Float32:
        size = box[2:] - box[:2]
        region = np.concatenate([box[:2] - room * size, box[2:] + room * size])
        height, width = image.shape[:2]
        inside: Float32 = clip(region[None], width, height)[0]
        return inside
