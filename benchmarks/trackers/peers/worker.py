"""The peers: how each is made, fed and read. Run by the interpreter that has them: ``python serve.py``."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from benchmarks.trackers.peers.serve import Frame, Info

#: prepare, update (the only one timed), rows: see serve.Adapter
Uses: TypeAlias = tuple[Callable[["Frame"], Any], Callable[[Any], Any], Callable[[Any], Any]]


def make(name: str, settings: Mapping[str, Any], info: Info) -> Uses:
    """`name` is package.tracker; the string values fps, width and height stand for the recording's."""
    package, _, tracker = name.partition(".")
    known = {"fps": info.fps, "int fps": round(info.fps), "width": info.width, "height": info.height}
    given = {k: known.get(v, v) if isinstance(v, str) else v for k, v in settings.items()}
    return MAKERS[package](tracker, given, info)


class _Warps:
    """The camera's motion as the recording has it, in the place of an estimator that looks at pictures."""

    warp = np.eye(2, 3)

    def apply(self, image: Any, boxes: Any = None) -> Any:
        """(2, 3) from the last frame's pixels to this one's."""
        return self.warp

    def reset(self) -> None:
        """Nothing is kept."""


#: what keeps boxmot's trackers from looking at pictures
_BLIND: Mapping[str, Mapping[str, Any]] = {
    "botsort": {"use_cmc": False, "use_embeddings": False},
    "boosttrack": {"use_cmc": False, "use_embeddings": False},
    "occluboost": {"use_cmc": False, "use_embeddings": False},
    "deepocsort": {"cmc_off": True, "use_embeddings": False},
    "hybridsort": {"cmc_method": None, "use_embeddings": False},
}


def boxmot(name: str, settings: Mapping[str, Any], info: Info) -> Uses:
    """No pictures are given: appearance is off, camera motion comes from the recording."""
    logging.disable(logging.CRITICAL)
    specs = import_module("boxmot.trackers.specs")
    blind = _BLIND.get(name, {})
    if name == "sfsort":
        settings = {**settings, "frame_width": info.width, "frame_height": info.height}
    options = {**blind, **settings}
    spec = specs.TrackerSpec(name=name, options=tuple(sorted(options.items())))
    tracker, warps = import_module("boxmot").create_tracker(spec), _Warps()
    if name == "strongsort" or info.camera:
        tracker.cmc, tracker.cmc_off, tracker._requires_frame = warps, False, True
    # wherever the camera may move they want a picture; nobody looks at it
    image = np.zeros((info.height, info.width, 3), np.uint8) if hasattr(tracker, "cmc") else None
    structures = import_module("boxmot.structures")
    torch = import_module("torch")

    def prepare(frame: Frame) -> Any:
        if name == "strongsort":  # it wants looks: all alike, so that motion decides
            looks = np.ones((len(frame.boxes), 1)) if frame.features is None else frame.features
            return frame, structures.Detections(
                geometry=structures.Boxes(torch.tensor(frame.boxes, dtype=torch.float32)),
                scores=torch.tensor(frame.scores, dtype=torch.float32),
                class_ids=torch.zeros(len(frame.boxes), dtype=torch.int64),
                sample_id=str(frame.number),
                embeddings=torch.tensor(looks, dtype=torch.float32),
            )
        rows = np.column_stack([frame.boxes, frame.scores, np.zeros(len(frame.boxes))]).astype(np.float32)
        return frame, rows

    def update(given: Any) -> Any:
        frame, detections = given
        if frame.warp is not None:
            warps.warp = frame.warp
        return tracker.update(detections, image)

    def rows(found: Any) -> Any:
        if not isinstance(found, np.ndarray):
            boxes, ids, scores = found.geometry.values, found.track_ids, found.scores
            return np.column_stack([boxes.numpy(), ids.numpy(), scores.numpy()])
        return found[:, :6]

    return (prepare, update, rows)


def _supervision(frame: Frame) -> Any:
    sv = import_module("supervision")
    classes = np.zeros(len(frame.boxes), int)
    return sv.Detections(xyxy=frame.boxes, confidence=frame.scores, class_id=classes)


def _identified(found: Any) -> Any:
    rows = np.column_stack([found.xyxy, np.asarray(found.tracker_id, float), found.confidence])
    return rows[rows[:, 4] >= 0]


def roboflow(name: str, settings: Mapping[str, Any], info: Info) -> Uses:
    """The package named trackers."""
    package = import_module("trackers")
    tracker: Any = getattr(package, name)(**settings)
    if info.camera:
        tracker.cmc, tracker.enable_cmc = _Warps(), True
        tracker.cmc.estimate = tracker.cmc.apply

    def update(given: Any) -> Any:
        frame, detections = given
        if info.camera:
            tracker.cmc.warp = frame.warp
            return tracker.update(detections, frame=())
        return tracker.update(detections)

    return (lambda frame: (frame, _supervision(frame)), update, _identified)


def supervision(name: str, settings: Mapping[str, Any], info: Info) -> Uses:
    """Its ByteTrack."""
    warnings.simplefilter("ignore")
    tracker = import_module("supervision").ByteTrack(**settings)
    return (_supervision, tracker.update_with_detections, _identified)


def norfair(name: str, settings: Mapping[str, Any], info: Info) -> Uses:
    """Two corners per object; `name` is the distance."""
    package = import_module("norfair")
    tracker = package.Tracker(distance_function=name, **settings)

    def prepare(frame: Frame) -> Any:
        corners = zip(frame.boxes.reshape(-1, 2, 2), frame.scores.tolist(), strict=True)
        return [package.Detection(points=p, scores=np.array([s, s]), data=s) for p, s in corners]

    def update(given: Any) -> Any:
        # the objects go on changing: what is reported is read now, of those seen on this frame
        now = {id(detection) for detection in given}
        return [
            (*t.estimate.ravel().tolist(), t.id, t.last_detection.data)
            for t in tracker.update(given)
            if id(t.last_detection) in now
        ]

    return (prepare, update, lambda found: found)


def motpy(name: str, settings: Mapping[str, Any], info: Info) -> Uses:
    """Ids are made numbers in the order they appear."""
    package, numbers = import_module("motpy"), dict[str, int]()
    given = dict(settings)
    active = {"min_steps_alive": given.pop("min_steps_alive"), "max_staleness": 1}
    tracker = package.MultiObjectTracker(
        dt=1 / info.fps, model_spec=given.pop("model_spec"), active_tracks_kwargs=active, **given
    )

    def prepare(frame: Frame) -> Any:
        pairs = zip(frame.boxes, frame.scores.tolist(), strict=True)
        return [package.Detection(box=b, score=s) for b, s in pairs]

    def rows(found: Any) -> Any:
        return [(*t.box, numbers.setdefault(t.id, len(numbers) + 1), t.score or 1.0) for t in found]

    return (prepare, lambda given: tracker.step(detections=given), rows)


def deep_sort_realtime(name: str, settings: Mapping[str, Any], info: Info) -> Uses:
    """Without looks, `name` says what stands in: "alike" (all the same) or "apart" (no two the same)."""
    package = import_module("deep_sort_realtime.deepsort_tracker")
    tracker, rng = package.DeepSort(embedder=None, **settings), np.random.default_rng(0)

    def prepare(frame: Frame) -> Any:
        corners = frame.boxes
        boxes = np.column_stack([corners[:, :2], corners[:, 2:] - corners[:, :2]]).tolist()
        looks = frame.features
        if looks is None:
            looks = np.ones((len(boxes), 8)) if name == "alike" else rng.normal(size=(len(boxes), 256))
        return [(b, s, 0) for b, s in zip(boxes, frame.scores.tolist(), strict=True)], list(looks)

    def update(given: Any) -> Any:
        # a track's state goes on changing: what is reported is read now
        return [
            (*t.to_ltrb().tolist(), int(t.track_id), t.det_conf or 0.0)
            for t in tracker.update_tracks(given[0], embeds=given[1])
            if t.is_confirmed() and t.time_since_update == 0
        ]

    return (prepare, update, lambda found: found)


class _Table(np.ndarray[Any, Any]):
    """An array that can be asked for itself, as a tensor can."""

    def numpy(self) -> Any:
        return np.asarray(self)


def released(name: str, settings: Mapping[str, Any], info: Info) -> Uses:
    """The code that came with the papers, packed by others; `name` is module.class."""
    module, _, kind = name.rpartition(".")
    tracker = getattr(import_module(module), kind)(**settings)

    def prepare(frame: Frame) -> Any:
        rows = np.column_stack([frame.boxes, frame.scores, np.zeros(len(frame.boxes))])
        return rows.view(_Table)

    def rows(found: Any) -> Any:
        return np.asarray(found, float).reshape(-1, 7)[:, [0, 1, 2, 3, 4, 6]]

    return prepare, lambda given: tracker.update(given, None), rows


MAKERS: Mapping[str, Callable[[str, Mapping[str, Any], Info], Uses]] = {
    "boxmot": boxmot,
    "trackers": roboflow,
    "supervision": supervision,
    "norfair": norfair,
    "motpy": motpy,
    "deep_sort_realtime": deep_sort_realtime,
    "sort": lambda name, settings, info: released("sort.tracker.SortTracker", settings, info),
    "bytetracker": lambda name, settings, info: released("bytetracker.BYTETracker", settings, info),
    "ocsort": lambda name, settings, info: released("ocsort.ocsort.OCSort", settings, info),
}
