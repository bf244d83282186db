"""Whose face it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import numpy.typing as npt

from detectors.faces.embed import EmbedParams, check, find_embedder, identity_of
from detectors.faces.gallery import Features, Gallery
from detectors.faces.match import UNKNOWN, Match, Matcher
from vidstream.errors import ModelError, ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.stages.detect.checks import problem_of, problems_of
from vidstream.stages.face.votes import Votes
from vidstream.types import Detections, Event, Events, FrameInfo, Gap, StreamInfo, Tracks, View
from vidstream.types.values import InputFile, ModelName, Positive, Range, Seconds

_OF_THE_GALLERY = ModelName("auto")


@dataclass(frozen=True, kw_only=True)
class IdentifyParams(EmbedParams):
    """Options of face.identify."""

    gallery: InputFile  #: who is known: a file made by `run.py faces enrol`
    model: ModelName = _OF_THE_GALLERY  #: the network; auto takes the one the gallery was made with
    #: similarity from which on somebody counts as known (left out: the gallery's calibration)
    threshold: Annotated[float, Range(-1.0, 1.0)] | None = None
    votes: Positive = 3  #: looks at a track before it gets a name; the last few are averaged
    again: Seconds = 0.5  #: how long a track with a name keeps it before it is looked at again
    cooldown: Seconds = 60.0  #: do not report the same person again before


@stage("face.identify", heavy=True)
class FaceIdentify(Stage):
    """Name the faces of people in a gallery, steadily over a track; everybody else is unknown.

    Adds the columns ``name`` and ``similarity``: show them with ``labels: "{extra.name}"``. A face that is
    followed is looked at several times, and named by the mean: one bad look changes nothing. Faces that are
    not followed are named frame by frame. The event ``face_recognised`` tells when somebody comes.

    `run.py faces enrol` makes galleries, `run.py faces calibrate` finds the threshold. Vectors that a stage
    face.embed gives are used (it must have the gallery's model); else the faces need landmarks, as those of
    detect.faces with yunet have.

    Example::

        graph:  # needs weights: [yunet, sface], and a gallery made by `faces enrol`
          faces: {use: detect.faces, model: yunet}
          track: {use: track.sort}
          who: {use: face.identify, gallery: people.faces}
          draw: {use: draw.overlay, labels: "{extra.name} {extra.similarity:.2f}"}
    """

    Params = IdentifyParams
    params: IdentifyParams

    @classmethod
    def check(cls, params: IdentifyParams) -> Iterable[ParamError]:
        """The gallery, the model, and whether the one was made with the other."""
        try:
            with Gallery(params.gallery) as gallery:
                wanted = _with_model(params, gallery)
        except ModelError as error:
            yield problem_of("gallery", error)
            return
        amiss = list(problems_of("model", lambda: check(wanted)))
        yield from amiss
        if not amiss:
            made_with = identity_of(wanted)
            yield from problems_of("gallery", lambda: Gallery(params.gallery, identity=made_with).close())

    def open(self, stream: StreamInfo) -> None:
        """Load the gallery and the network."""
        with Gallery(self.params.gallery) as gallery:
            wanted = _with_model(self.params, gallery)
            self._embedder = find_embedder(wanted)
        with Gallery(self.params.gallery, identity=self._embedder.identity) as gallery:
            self._matcher = Matcher(gallery, self.params.threshold)
            if gallery.others_may_read:
                self.notify("gallery-open", f"{gallery.path} can be read by others: run chmod 600 on it")
        for remark in self._embedder.remarks:
            self.notify(remark.kind, remark.text)
        self._votes = Votes(self._matcher, self.params.votes, self.params.again)
        self._reported: dict[str, float] = {}

    def on_gap(self, gap: Gap) -> None:
        """Track ids mean something else now, and time starts anew."""
        self._votes.clear()
        self._reported.clear()

    def process(self, image: View, faces: Detections, frame: FrameInfo) -> tuple[Detections, Events]:
        """The faces with ``name`` and ``similarity``, and who has just been recognised."""
        rows = self._due(faces, frame.pts)
        looks = self._matcher.similarities(self._features(image, faces, rows))
        scores = dict(zip(rows.tolist(), looks, strict=True))
        ids = faces.track_ids.tolist()
        matches = [self._votes.update(ids[i], scores.get(i), frame.pts) for i in range(len(faces))]
        self._votes.forget(frame.pts)
        named = faces.with_extra(
            name=np.array([m.name for m in matches], np.str_),
            similarity=np.array([m.similarity for m in matches], np.float32),
        )
        return named, Events(tuple(self._news(faces, matches, frame)))

    def _due(self, faces: Detections, pts: float) -> npt.NDArray[np.int64]:
        """Rows to look at: seen on this frame, and not looked at lately."""
        seen = faces.seen_now() if isinstance(faces, Tracks) else np.ones(len(faces), bool)
        if faces.features is None and faces.keypoints is None and not seen.all():
            # a tracker that only predicts some of its tracks passes no landmarks on
            return np.zeros(0, np.int64)
        due = [self._votes.due(i, pts) for i in faces.track_ids.tolist()]
        return np.flatnonzero(seen & (np.array(due, bool) | (faces.features is not None))).astype(np.int64)

    def _features(self, image: View, faces: Detections, rows: npt.NDArray[np.int64]) -> Features:
        if faces.features is not None:
            return faces.features[rows]
        return self._embedder.embed(image, faces[rows])

    def _news(self, faces: Detections, matches: list[Match], frame: FrameInfo) -> Iterable[Event]:
        for row, match in enumerate(matches):
            last = self._reported.get(match.name)
            if match.name in ("", UNKNOWN) or (last is not None and frame.pts - last < self.params.cooldown):
                continue
            self._reported[match.name] = frame.pts
            x1, y1, x2, y2 = faces.boxes[row].tolist()
            yield Event(
                "face_recognised", frame.source, frame.seq, frame.pts, frame.wall, match.name,
                int(faces.track_ids[row]), faces.name_of(row), (x1, y1, x2, y2),
                {"similarity": match.similarity},
            )  # fmt: skip


def _with_model(params: IdentifyParams, gallery: Gallery) -> EmbedParams:
    model = ModelName(gallery.identity.name) if params.model == _OF_THE_GALLERY else params.model
    return replace(params, model=model)
