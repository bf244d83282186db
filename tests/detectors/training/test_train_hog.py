"""Training on a real clip: what is learnt finds people on pictures it has not seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest

from detectors.hog import HogDetector, HogModel, HogParams
from detectors.hog.model import load_model
from detectors.training import Evidence, Plan, Recipe, Scene, train_hog
from tests.support.truth import mot_truth
from vidstream.errors import ParamError, UsageError
from vidstream.types import View

#: small enough for 768x576 to be searched in 40 ms
SMALL = Recipe(window=(48, 96), share=0.8)


@dataclass
class Frames:
    """Scenes kept in memory."""

    scenes: list[Scene]

    def __len__(self) -> int:
        return len(self.scenes)

    def read(self, indices: Sequence[int]) -> Iterator[Scene]:
        yield from (self.scenes[index] for index in indices)


def people(assets, every: int, last: int = 795) -> Frames:
    truth = mot_truth(assets("mot/PETS09-S2L1/gt/gt.txt"))
    clip, scenes = cv2.VideoCapture(str(assets("video/vtest.avi"))), []
    for number in range(last):
        assert clip.grab()
        if number % every == 0:
            # MOT counts pixels from 1
            boxes = truth[number].boxes - 1 if number in truth else np.zeros((0, 4), np.float32)
            scenes.append(Scene(np.asarray(clip.retrieve()[1], np.uint8), boxes))
    clip.release()
    return Frames(scenes)


@pytest.fixture(scope="module")
def clip(assets):
    return people(assets, 66)


@pytest.fixture(scope="module")
def quick():
    return Plan(SMALL, "walker", "a test", costs=(0.01,), folds=2, rounds=1, held_out=0.4)


@pytest.fixture(scope="module")
def steps():
    """What training says it does: (phase, done, of how many)."""
    return []


@pytest.fixture(scope="module")
def trained(clip, quick, steps):
    return train_hog([clip], quick, lambda *step: steps.append(step))


def test_it_finds_people_on_pictures_it_has_not_seen(trained, clip):
    report = trained.report
    assert report.held_out.pictures == 5
    assert report.held_out.wanted == sum(len(scene.boxes) for scene in clip.scenes[8:])
    assert report.held_out.average_precision > 0.5
    assert report.validated.average_precision > 0.5
    assert [fold.pictures for fold in report.folds] == [4, 4]
    assert len(report.rounds) == 1
    assert report.rounds[0] > 1


def test_the_model_knows_how_to_be_used(trained, tmp_path, clip):
    usage = trained.model.usage
    assert (usage.label, usage.trained_on, usage.shrink_height) == ("walker", "a test", 0.8)
    assert 0.4 < usage.shrink_width < 0.7
    assert 0.8 < usage.scale < 1.3
    trained.model.save(tmp_path / "own.xml")
    back = load_model(str(tmp_path / "own.xml"))
    scene = clip.scenes[10]
    one, two = (HogDetector(model=model).detect(View(scene.pixels)) for model in (trained.model, back))
    np.testing.assert_allclose(one.boxes, two.boxes, atol=0.01)
    np.testing.assert_allclose(one.scores, two.scores, atol=1e-4)
    judged = Evidence.of(one.boxes, one.scores, scene.boxes, scene.ignored)
    assert judged.hits.sum() >= 3
    assert one.name_of(0) == "walker"


def test_scores_are_the_share_that_is_right(trained):
    """On the folds they were fitted to: of boxes that score s, a share of about s are people."""
    usage, found = trained.model.usage, trained.report.validated
    scores = 1 / (1 + np.exp(-(usage.slope * found.scores + usage.offset)))
    assert scores.mean() == pytest.approx(found.hits.mean(), abs=0.03)
    sure = scores > 0.5
    assert found.hits[sure].mean() > 0.7 > 0.4 > found.hits[~sure].mean()


def test_one_seed_trains_one_model(trained, clip, quick):
    again = train_hog([clip], quick)
    assert again.model.usage == trained.model.usage
    assert again.model.descriptor.svmDetector.tobytes() == trained.model.descriptor.svmDetector.tobytes()


@pytest.mark.slow
def test_hard_negatives_leave_fewer_false_alarms(clip, quick):
    report = train_hog([clip], replace(quick, rounds=2, held_out=0.0)).report
    assert report.rounds[1] < 0.5 * report.rounds[0]
    assert report.held_out is None


@pytest.mark.slow
def test_the_better_cost_is_taken(clip, quick):
    report = train_hog([clip], replace(quick, costs=(1e-6, 0.01))).report
    assert dict(report.costs)[1e-6] < dict(report.costs)[0.01]
    assert report.cost == 0.01


def test_what_is_done_is_told(trained, steps):
    phases = dict.fromkeys(phase for phase, _, _ in steps)
    assert list(phases) == [
        "cutting examples",
        "hard negatives, round 1",
        "cross-validating C = 0.01",
        "testing on the held-out part",
    ]
    assert [step[1:] for step in steps[:8]] == [(n, 8) for n in range(1, 9)]
    assert set(trained.report.seconds) == {*phases, "fitting"}


@pytest.mark.parametrize(
    ("scenes", "words"),
    [
        pytest.param(lambda s: [Scene(each.pixels) for each in s], "holds no whole object", id="nobody"),
        pytest.param(
            lambda s: s[:2], "holds no whole object, or no background", id="fewer pictures than folds"
        ),
        pytest.param(lambda s: [], "holds no whole object, or no background", id="no pictures"),
    ],
)
def test_too_little_to_learn_from_is_told(clip, quick, scenes, words):
    with pytest.raises(UsageError, match=words):
        train_hog([Frames(scenes(clip.scenes))], replace(quick, folds=4, held_out=0.0))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"folds": 1}, "folds: is 1; between 2 and 100"),
        ({"rounds": 0}, "rounds: is 0"),
        ({"held_out": 1.0}, "held_out: is 1.0; between 0.0 and 0.9"),
        ({"costs": (0.01, 0.0)}, "costs: a cost is above 0"),
        ({"costs": ()}, "costs: a cost is above 0"),
    ],
)
def test_impossible_plans_are_refused(options, words):
    with pytest.raises(ParamError, match=words):
        Plan(**options)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_trained_on_the_first_half_it_does_on_the_second_what_the_people_detector_does(assets):
    clip = people(assets, 8)
    plan = Plan(label="person", costs=(0.003,), rounds=3, held_out=0.5)
    trained = train_hog([clip], plan).report.held_out
    default = load_model("default")
    detector = HogDetector(
        HogParams(pyramid=1.2), HogModel(default.descriptor, replace(default.usage, hit_threshold=-0.5))
    )
    found = Evidence.pooled(
        Evidence.of(*detector.objects(detector.windows(scene.pixels)), scene.boxes, scene.ignored)
        for scene in clip.read(range(len(clip) - trained.pictures, len(clip)))
    )
    assert trained.average_precision > 0.75
    assert trained.average_precision > found.average_precision - 0.06
