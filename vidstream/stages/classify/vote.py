"""One label per track."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from vidstream.errors import StageError
from vidstream.graph.stage import Stage, stage
from vidstream.types import Detections, FrameInfo, Gap, StreamInfo
from vidstream.types.values import Seconds


@stage("classify.vote")
class ClassifyVote(Stage):
    """Give each track the label that most of its frames speak for, instead of the one of this frame.

    Every frame's label of classify.boxes is a vote, as heavy as its score; old votes fade with the time
    constant `over`. ``label_score`` becomes the winner's share of all votes. Objects without a track
    keep their own label. Only a tracker before classify.boxes makes this useful.

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.sort}
          kind: {use: classify.boxes, model: squeezenet}
          vote: {use: classify.vote, over: 5s}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Options."""

        over: Seconds = 5.0  #: time in which a vote loses two thirds of its weight; 0: never
        forget: Seconds = 10.0  #: forget tracks that were not seen for so long

    params: Params

    def open(self, stream: StreamInfo) -> None:
        """No votes yet."""
        #: track -> label -> weight, and when it was last brought up to date
        self._votes: dict[int, dict[str, float]] = {}
        self._seen: dict[int, float] = {}

    def on_gap(self, gap: Gap) -> None:
        """Track numbers begin anew, or time has jumped."""
        self._votes, self._seen = {}, {}

    def process(self, objects: Detections, frame: FrameInfo) -> Detections:
        """The objects with the label of the majority."""
        labels, scores = (objects.extra.get(name) for name in ("label", "label_score"))
        if labels is None or scores is None:
            raise StageError(
                "objects have no labels", where=self.stage_id, fix="put classify.boxes before it"
            )
        winners, shares = labels.astype(object), scores.astype(np.float32)
        for row, track in enumerate(objects.track_ids.tolist()):
            if track >= 0:
                votes = self._cast(track, str(labels[row]), float(scores[row]), frame.pts)
                if total := sum(votes.values()):
                    winners[row] = max(sorted(votes), key=votes.__getitem__)
                    shares[row] = votes[winners[row]] / total
        for track in [t for t, pts in self._seen.items() if frame.pts - pts > self.params.forget]:
            del self._votes[track], self._seen[track]
        return objects.with_extra(label=winners.astype(str), label_score=shares)

    def _cast(self, track: int, label: str, score: float, pts: float) -> dict[str, float]:
        """Add one vote; gives all of the track's."""
        votes = self._votes.setdefault(track, defaultdict(float))
        age = pts - self._seen.get(track, pts)
        self._seen[track] = pts
        if self.params.over and age:
            kept = float(np.exp(-age / self.params.over))
            for name in votes:
                votes[name] *= kept
        if label:
            votes[label] += score
        return votes
