"""classify.*: labels of pictures and of boxes, averaged and voted on."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.vision import Classifier, ClassifyParams, crops
from tests.support.one_stage import OneStage, picture, problems
from vidstream.errors import StageError
from vidstream.stages.classify.boxes import ClassifyBoxes
from vidstream.stages.classify.frame import ClassifyFrame
from vidstream.stages.classify.smooth import ClassifySmooth
from vidstream.stages.classify.vote import ClassifyVote
from vidstream.types import Detections, Labels, Tracks

BOXES = np.array([[8, 232, 803, 740], [49, 399, 245, 903], [670, 380, 810, 876]], np.float32)
NAMES = {0: "bus", 1: "person"}


@pytest.fixture
def weights(assets, monkeypatch):
    folder = assets("weights/squeezenet1.0_imagenet.onnx").parent
    monkeypatch.setenv("VIDSTREAM_MODELS", str(folder))
    return folder


@pytest.mark.parametrize(("name", "best"), [("eagle", "kite"), ("horses", "bighorn")])
def test_the_whole_picture(weights, assets, name, best):
    labels = OneStage(ClassifyFrame, top=3)(image=picture(assets(f"pictures/{name}.jpg")))
    assert len(labels) == 3
    assert next(labels.rows())[0] == best


def test_boxes_gain_the_label_of_what_is_in_them(weights, assets):
    view = picture(assets("pictures/bus.jpg"))
    tracks = Tracks.of(BOXES, class_ids=np.array([0, 1, 1]), track_ids=np.arange(3), names=NAMES)
    given = OneStage(ClassifyBoxes, padding=0.2, classes=["bus"])(image=view, objects=tracks)
    assert isinstance(given, Tracks)
    assert given.boxes.tolist() == tracks.boxes.tolist()
    (view_of_bus,) = crops(view, BOXES[:1], 0.2)
    best, score = next(Classifier(ClassifyParams(), models=weights).classify(view_of_bus).rows())
    assert given.extra["label"].tolist() == [best, "", ""]
    assert given.extra["label_score"].tolist() == [pytest.approx(score), 0, 0]
    assert "label" not in tracks.extra


@pytest.mark.parametrize("sure", [0.0, 1.0], ids=["all labels", "none sure enough"])
def test_labels_below_the_least_score_are_empty(weights, assets, sure):
    view = picture(assets("pictures/bus.jpg"))
    given = OneStage(ClassifyBoxes, confidence=sure)(image=view, objects=Detections.of(BOXES))
    assert [bool(label) for label in given.extra["label"]] == [sure == 0.0] * 3


def test_no_boxes_no_labels(weights, assets):
    given = OneStage(ClassifyBoxes)(image=picture(assets("pictures/bus.jpg")), objects=Detections.empty())
    assert len(given) == 0
    assert given.extra["label"].shape == (0,)


def test_what_is_wrong_is_said_before_anything_opens(weights):
    (found,) = problems(ClassifyBoxes, model="squezenet")
    assert "did you mean 'squeezenet'?" in found
    assert problems(ClassifyFrame) == []


# ---- averaging


def labels(**scores: float) -> Labels:
    known = {0: "cat", 1: "dog", 2: "cow"}
    rows = sorted(((k, scores[n]) for k, n in known.items() if n in scores), key=lambda r: -r[1])
    return Labels(np.array([k for k, _ in rows]), np.array([s for _, s in rows], np.float32), known)


def test_scores_follow_with_the_time_constant():
    smooth = OneStage(ClassifySmooth, over=1.0)
    assert dict(smooth(0.0, labels=labels(cat=0.9, dog=0.1)).rows()) == pytest.approx(
        {"cat": 0.9, "dog": 0.1}
    )
    part = 1 - np.exp(-0.5)
    after = dict(smooth(0.5, labels=labels(dog=0.8, cow=0.2)).rows())
    assert after == pytest.approx({"cat": 0.9 * (1 - part), "dog": 0.1 + part * 0.7}, abs=1e-6)


def test_one_odd_frame_does_not_change_the_best_label():
    smooth = OneStage(ClassifySmooth, over=2.0)
    best = [next(smooth(labels=labels(cat=c, dog=1 - c)).rows())[0] for c in (0.9, 0.9, 0.1, 0.9)]
    assert best == ["cat"] * 4


def test_a_gap_or_no_time_forgets():
    smooth = OneStage(ClassifySmooth, over=9.0)
    smooth(labels=labels(cat=0.9))
    smooth.gap()
    assert list(smooth(labels=labels(dog=0.6)).rows()) == [("dog", pytest.approx(0.6))]
    at_once = OneStage(ClassifySmooth, over=0)
    at_once(labels=labels(cat=0.9))
    assert list(at_once(labels=labels(dog=0.6)).rows()) == [("dog", pytest.approx(0.6))]


# ---- voting


def seen(label: str, score: float, track: int = 4) -> Tracks:
    tracks = Tracks.of([[0, 0, 9, 9]], track_ids=track)
    return tracks.with_extra(label=np.array([label]), label_score=np.array([score], np.float32))


def test_the_majority_of_a_tracks_frames_wins():
    vote = OneStage(ClassifyVote, over=0)
    for label, score in (("van", 0.8), ("van", 0.6), ("", 0.0), ("bus", 0.9)):
        given = vote(objects=seen(label, score))
    assert isinstance(given, Tracks)
    assert given.extra["label"].tolist() == ["van"]
    assert given.extra["label_score"][0] == pytest.approx(1.4 / 2.3)


def test_old_votes_fade():
    vote = OneStage(ClassifyVote, over=1.0, forget=99)
    vote(0.0, objects=seen("van", 1.0))
    given = vote(1.0, objects=seen("bus", 0.4))
    assert given.extra["label"].tolist() == ["bus"]
    assert given.extra["label_score"][0] == pytest.approx(0.4 / (0.4 + np.exp(-1)))


def test_tracks_are_forgotten_and_objects_without_one_keep_their_label():
    vote = OneStage(ClassifyVote, over=0, forget=1.0)
    vote(0.0, objects=seen("van", 1.0))
    vote(2.0, objects=seen("cow", 1.0, track=5))
    assert vote(2.1, objects=seen("bus", 0.1)).extra["label"].tolist() == ["bus"]
    loose = seen("dog", 0.2, track=-1)
    assert vote(objects=loose).extra["label_score"].tolist() == [pytest.approx(0.2)]
    vote.gap()
    assert vote(objects=seen("cat", 0.1)).extra["label"].tolist() == ["cat"]


def test_objects_without_labels_are_an_error():
    with pytest.raises(StageError, match=r"have no labels; put classify\.boxes before it"):
        OneStage(ClassifyVote)(objects=Tracks.of([[0, 0, 9, 9]], track_ids=1))
