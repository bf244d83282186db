"""Makes models of one's own from pictures with boxes; knows nothing of graphs, YAML or time."""

from detectors.training.curves import Evidence
from detectors.training.hog import Plan, Report, Trained, train_hog
from detectors.training.samples import Recipe, cut_out
from detectors.training.scenes import Pictures, Scene, Scenes

__all__ = [
    "Evidence",
    "Pictures",
    "Plan",
    "Recipe",
    "Report",
    "Scene",
    "Scenes",
    "Trained",
    "cut_out",
    "train_hog",
]
