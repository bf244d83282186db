"""Trains a HOG detector as Dalal and Triggs (CVPR 2005) did: examples, hard negatives, again.

Examples are cut around the objects and counterexamples anywhere else; the detector so trained is run over
the background, what it reports there is added, and it is trained anew, until it reports little. How far to
trust the examples (the cost C) is chosen by cross-validation on whole pictures, as the detector will be used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from detectors.hog import HogDetector, HogModel, HogParams, Usage
from detectors.training.curves import Evidence
from detectors.training.rows import Part, Table
from detectors.training.samples import Recipe, described, examples, is_far, positive_rows, random_rows
from detectors.training.scenes import Scene, Scenes, blocks, no_boxes
from detectors.training.svm import Svm, fit, platt
from vidstream.errors import ParamError, UsageError

#: called with what is done, and how far
Say = Callable[[str, int, int], None]

#: cost while hard negatives are looked for: Dalal and Triggs'
_COST = 0.01
#: windows of background per picture to begin with, and added at most per picture and round
_RANDOM, _HARD = 20, 30
#: background with this margin is added: the SVM still pulls at it, though the detector would not report it
_MARGIN = -0.3
#: half as fine as detect.hog searches, for half the time: in use the model does a little better than here
_COARSE = HogParams(pyramid=1.2)
#: false alarms per picture that are few
_FEW = 0.1
#: smallest margin that a curve shows
_FAINT = -0.7


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train."""

    recipe: Recipe = field(default_factory=Recipe)
    #: class name of what is learnt
    label: str = "object"
    #: what it is trained on, in words
    trained_on: str = ""
    #: values of C to choose from
    costs: tuple[float, ...] = (0.001, 0.003, 0.01, 0.03)
    #: of the cross-validation
    folds: int = 4
    #: searches for hard negatives, at most
    rounds: int = 4
    #: share at the end of each clip or folder that is kept for the last test
    held_out: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        bounds = {"folds": (2, 100), "rounds": (1, 100), "held_out": (0.0, 0.9), "seed": (0, 2**32)}
        for name, (low, high) in bounds.items():
            if not low <= getattr(self, name) <= high:
                raise ParamError(f"is {getattr(self, name)}", path=(name,), fix=f"between {low} and {high}")
        if not self.costs or not all(0 < cost < 1e6 for cost in self.costs):
            raise ParamError("a cost is above 0", path=("costs",), fix="0.003,0.01,0.03")


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What came out."""

    #: objects learnt from
    objects: int
    #: false alarms per picture that each search for hard negatives met
    rounds: tuple[float, ...]
    #: (C, average precision over all folds)
    costs: tuple[tuple[float, float], ...]
    #: the C chosen
    cost: float
    #: of each fold, whose pictures its SVM was not trained on; scores are SVM margins
    folds: tuple[Evidence, ...]
    #: of pictures that took no part at all; None where none were kept
    held_out: Evidence | None
    #: seconds by phase
    seconds: dict[str, float]

    @property
    def validated(self) -> Evidence:
        """All folds together."""
        return Evidence.pooled(self.folds)


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A model, and how good it is."""

    model: HogModel
    report: Report


def train_hog(sources: Sequence[Scenes], plan: Plan, say: Say = lambda phase, done, total: None) -> Trained:
    """Train on these scenes. Raises UsageError where they hold too little. One seed, one result."""
    return _Training(sources, plan, say).run()


class _Training:
    def __init__(self, sources: Sequence[Scenes], plan: Plan, say: Say) -> None:
        self._plan, self._say = plan, say
        self._rng = np.random.default_rng(plan.seed)
        kept = [round(len(scenes) * (1 - plan.held_out)) for scenes in sources]
        self._folds = [(s, blocks(n, plan.folds)) for s, n in zip(sources, kept, strict=True)]
        self._tests = [(s, range(n, len(s))) for s, n in zip(sources, kept, strict=True)]
        self._count = sum(kept)
        self._table = Table()
        self._boxes = no_boxes()
        self._usage = Usage(plan.label, trained_on=plan.trained_on)
        self._seconds: dict[str, float] = {}

    def run(self) -> Trained:
        """All phases."""
        self._collect()
        rounds = self._mine()
        cost, costs, evidence = self._validate()
        svm = self._fit(self._table.all_but(), cost)
        self._usage = self._calibrated(Evidence.pooled(evidence))
        report = Report(
            objects=len(self._boxes),
            rounds=rounds,
            costs=costs,
            cost=cost,
            folds=tuple(evidence),
            held_out=self._held_out(svm),
            seconds=self._seconds,
        )
        return Trained(self._model(svm, self._usage), report)

    def _scenes(self, phase: str) -> Iterator[tuple[int, Scene]]:
        """Every scene to learn from, with its fold; says how far it is and notes how long it took."""
        begun, done = time.perf_counter(), 0
        for scenes, folds in self._folds:
            numbers = [fold for fold, block in enumerate(folds) for _ in block]
            for fold, scene in zip(numbers, scenes.read(range(len(numbers))), strict=True):
                yield fold, scene
                done += 1
                self._say(phase, done, self._count)
        self._spent(phase, begun)

    def _spent(self, phase: str, begun: float) -> None:
        self._seconds[phase] = self._seconds.get(phase, 0.0) + time.perf_counter() - begun

    def _collect(self) -> None:
        """Examples, and background anywhere."""
        recipe, found = self._plan.recipe, [no_boxes()]
        for fold, scene in self._scenes("cutting examples"):
            found.append(examples(scene, recipe))
            self._table.add(positive_rows(scene, recipe, self._rng), 1, fold)
            self._table.add(random_rows(scene, recipe, _RANDOM, self._rng), -1, fold)
        self._boxes = np.concatenate(found)
        for fold in range(self._plan.folds):
            if not self._count or not self._table.both(fold):
                raise UsageError(
                    f"part {fold + 1} of {self._plan.folds} holds no whole object, or no background",
                    where="training",
                    fix="give more pictures, or fewer folds",
                )
        windows = recipe.windows(self._boxes)
        width = np.median((self._boxes[:, 2] - self._boxes[:, 0]) / (windows[:, 2] - windows[:, 0]))
        self._usage = replace(
            self._usage,
            scale=recipe.scale(self._boxes),
            shrink_width=min(float(width), 1.0),
            shrink_height=recipe.share,
        )

    def _mine(self) -> tuple[float, ...]:
        """Add false alarms and train again until they are few; how many each search met per picture."""
        rounds: list[float] = []
        svm: Svm | None = None
        while len(rounds) < self._plan.rounds and (not rounds or rounds[-1] > _FEW):
            svm = self._fit(self._table.all_but(), _COST, svm)
            rounds.append(self._search(svm, f"hard negatives, round {len(rounds) + 1}"))
        return tuple(rounds)

    def _search(self, svm: Svm, phase: str) -> float:
        detector = self._detector(svm, _MARGIN)
        alarms = pictures = 0
        for fold, scene in self._scenes(phase):
            if not scene.scanned:
                continue
            boxes, margins = detector.windows(scene.pixels)
            far = is_far(boxes, scene, self._plan.recipe)
            worst = np.argsort(-margins[far], kind="stable")[:_HARD]
            self._table.add(described(scene.pixels, boxes[far][worst], self._plan.recipe), -1, fold)
            alarms, pictures = alarms + int((margins[far] > 0).sum()), pictures + 1
        return alarms / max(pictures, 1)

    def _validate(self) -> tuple[float, tuple[tuple[float, float], ...], list[Evidence]]:
        """The cost that does best on pictures not trained on, what each does, and the best one's evidence."""
        best: tuple[float, float, list[Evidence]] = (-1.0, 0.0, [])
        scores = []
        for cost in self._plan.costs:
            evidence = self._cross_validated(cost)
            score = Evidence.pooled(evidence).average_precision
            scores.append((cost, score))
            if score > best[0]:
                best = score, cost, evidence
        return best[1], tuple(scores), best[2]

    def _cross_validated(self, cost: float) -> list[Evidence]:
        """One per fold: what an SVM of the other folds finds there."""
        folds = range(self._plan.folds)
        svms = [self._fit(self._table.all_but(fold), cost) for fold in folds]
        found: list[list[Evidence]] = [[] for _ in folds]
        for fold, scene in self._scenes(f"cross-validating C = {cost:g}"):
            found[fold].append(self._evidence(svms[fold], scene))
        return [Evidence.pooled(parts) for parts in found]

    def _evidence(self, svm: Svm, scene: Scene) -> Evidence:
        if scene.scanned:
            detector = self._detector(svm, _FAINT)
            boxes, margins = detector.objects(detector.windows(scene.pixels))
            return Evidence.of(boxes, margins, scene.boxes, scene.ignored)
        recipe = self._plan.recipe
        margins = svm.margins(described(scene.pixels, recipe.windows(scene.boxes), recipe))
        margins = margins[margins > _FAINT]
        return Evidence(margins, np.ones(len(margins), bool), len(scene.boxes), 0)

    def _held_out(self, svm: Svm) -> Evidence | None:
        count, begun = sum(len(part) for _, part in self._tests), time.perf_counter()
        found = []
        for scenes, part in self._tests:
            for scene in scenes.read(part):
                found.append(self._evidence(svm, scene))
                self._say("testing on the held-out part", len(found), count)
        self._spent("testing on the held-out part", begun)
        return Evidence.pooled(found) if found else None

    def _fit(self, part: Part, cost: float, start: Svm | None = None) -> Svm:
        begun = time.perf_counter()
        svm = fit(part.rows, part.labels, cost, seed=self._plan.seed, start=start)
        self._spent("fitting", begun)
        return svm

    def _calibrated(self, evidence: Evidence) -> Usage:
        """Scores as probabilities, and the threshold of the best F1."""
        if not evidence.hits.any():
            raise UsageError(
                "nothing was learnt: no object is found again", where="training", fix="see docs/hog.md"
            )
        slope, offset = platt(evidence.scores, evidence.hits)
        least = evidence.curve.best().confidence
        return replace(self._usage, hit_threshold=least, slope=slope, offset=offset)

    def _detector(self, svm: Svm, least: float) -> HogDetector:
        return HogDetector(_COARSE, self._model(svm, replace(self._usage, hit_threshold=least)))

    def _model(self, svm: Svm, usage: Usage) -> HogModel:
        hog = self._plan.recipe.descriptor
        hog.setSVMDetector(np.append(svm.weights, np.float32(svm.bias)))
        return HogModel(hog, usage)
