"""Measures detect.hog on clips with known people: ``python -m benchmarks.hog_curve``.

Trains models of its own, and writes the tables of docs/hog.md and the curves beside it.
"""

from __future__ import annotations

import io
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2

from detectors.hog import HogDetector, HogModel, HogParams
from detectors.hog.model import load_model
from detectors.training import Evidence, Plan, Scene, Trained, train_hog
from vidstream.cli.train import told
from vidstream.cli.train_data import Annotated, clip

_ROOT = Path(__file__).resolve().parents[1]
_PAGE, _PLOT = _ROOT / "docs" / "hog.md", _ROOT / "docs" / "images" / "hog_curve.png"
_ASSETS = Path(os.environ.get("VIDSTREAM_ASSETS") or _ROOT.parent / "shared" / "assets")
_VTEST = ("video/vtest.avi", "mot/PETS09-S2L1/gt/gt.txt")
_CAMPUS = ("video/TUD-Campus.mp4", "mot/TUD-Campus/gt/gt.txt")
_STADTMITTE = ("video/TUD-Stadtmitte.mp4", "mot/TUD-Stadtmitte/gt/gt.txt")
#: smallest margin that is looked at: nothing below is right often enough to matter
_FAINT = {"default": -0.3, "daimler": 0.3}
_COARSE = 1.2
#: (scale, pyramid)
_SETTINGS = (
    (1.0, _COARSE),
    (1.25, _COARSE),
    (1.4, _COARSE),
    (1.5, _COARSE),
    (1.25, 1.1),
    (1.4, 1.15),
    (1.4, 1.1),
)


class Result(NamedTuple):
    """One setting, measured."""

    model: str
    scale: float
    pyramid: float
    evidence: Evidence
    milliseconds: float

    @property
    def cells(self) -> str:
        """As a row of a table."""
        best = self.evidence.curve.best()
        return (
            f"| {self.model} | {self.scale:g} | {self.pyramid:g} | {self.evidence.average_precision:.3f} "
            f"| {best.f1:.3f} | {best.precision:.2f} | {best.recall:.2f} | {best.confidence:.2f} "
            f"| {self.evidence.log_average_miss_rate:.2f} | {self.milliseconds:.0f} |"
        )


def main() -> None:
    """Train, measure, write."""
    cv2.setNumThreads(1)
    vtest = Annotated(clip(*_paths(_VTEST), every=2))
    half = len(vtest) // 2
    own = _train("vtest.avi, first half", _VTEST, 4, 0.5)
    test = [*vtest.read(range(half, len(vtest), 2))]
    models = {"default": load_model("default"), "daimler": load_model("daimler"), "trained": own.model}
    results = [_one(name, model, *setting, test) for name, model in models.items() for setting in _SETTINGS]
    _plot(results)
    away = _train("TUD-Campus", _CAMPUS, 1, 0.0)
    other = [*Annotated(clip(*_paths(_STADTMITTE), every=4)).read(range(45))]
    abroad = [
        _one(name, model, scale, _COARSE, other)
        for name, model in {**models, "trained elsewhere": away.model}.items()
        for scale in (0.6, 0.75, 1.0)
    ]
    parts = {
        "vtest": _table(results, len(test)),
        "stadtmitte": _table(abroad, len(other)),
        "training": "```\n" + "\n".join(told(own)) + "\n```",
    }
    _write(parts)


def _paths(names: tuple[str, str]) -> tuple[Path, Path]:
    paths = _ASSETS / names[0], _ASSETS / names[1]
    if not all(path.exists() for path in paths):
        raise SystemExit(f"{paths[0]} is not there; point VIDSTREAM_ASSETS at the assets folder")
    return paths


def _train(what: str, names: tuple[str, str], every: int, held_out: float) -> Trained:
    sources = [Annotated(clip(*_paths(names), every=every))]
    plan = Plan(label="person", trained_on=what, held_out=held_out)
    trained = train_hog(sources, plan, lambda phase, done, total: _say(f"{phase} {done}/{total}"))
    print(f"\n{what}", *told(trained), sep="\n", flush=True)
    return trained


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _one(name: str, model: HogModel, scale: float, pyramid: float, scenes: list[Scene]) -> Result:
    """Everything a detector finds, however unsure."""
    usage = replace(model.usage, scale=scale, hit_threshold=_FAINT.get(name, -0.7))
    detector = HogDetector(HogParams(pyramid=pyramid), HogModel(model.descriptor, usage))
    begun = time.process_time()
    found = [detector.objects(detector.windows(scene.pixels)) for scene in scenes]
    spent = time.process_time() - begun
    evidence = Evidence.pooled(
        Evidence.of(*each, scene.boxes, scene.ignored) for each, scene in zip(found, scenes, strict=True)
    )
    result = Result(name, scale, pyramid, evidence, 1000 * spent / len(scenes))
    print(result.cells, flush=True)
    return result


def _table(results: list[Result], pictures: int) -> str:
    objects = results[0].evidence.wanted
    head = [
        f"{pictures} pictures with {objects} people, IoU 0.5, one core. Margin: of the best F1.",
        "",
        "| model | scale | pyramid | AP | F1 | precision | recall | margin | miss rate | ms |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *(result.cells for result in results)])


def _plot(results: list[Result]) -> None:
    """Precision over recall, one panel per model, one line per scale."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    names = list(dict.fromkeys(result.model for result in results))
    figure, panels = plt.subplots(1, len(names), figsize=(12, 4), sharey=True, layout="constrained")
    for name, panel in zip(names, panels, strict=True):
        for result in results:
            if result.model == name:
                curve, fine = result.evidence.curve, result.pyramid < _COARSE
                label = f"{result.scale:g}, {result.pyramid:g}"
                panel.plot(curve.recall, curve.precision, "--" if fine else "-", label=label, linewidth=1.5)
        panel.set(title=name, xlabel="recall", xlim=(0.3, 1), ylim=(0.3, 1.01))
        panel.grid(alpha=0.3)
        panel.legend(title="scale, pyramid", loc="lower left", fontsize=8)
    panels[0].set_ylabel("precision")
    data = io.BytesIO()
    figure.savefig(data, dpi=100, format="png", metadata={"Software": None})
    _PLOT.write_bytes(data.getvalue())


def _write(parts: dict[str, str]) -> None:
    """Put each part between its marks in the page."""
    page = _PAGE.read_text(encoding="utf-8")
    for name, text in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}"
    _PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
