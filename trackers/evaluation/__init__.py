"""How good tracks are, on the public benchmarks and by their rules.

>>> from trackers.evaluation import combine, read_sequence, score
"""

from trackers.evaluation.fast import evaluate
from trackers.evaluation.reading import find_sequences, read_results, read_sequence
from trackers.evaluation.scores import MEASURES, Measure, Scores, combine, score, score_classes
from trackers.evaluation.sequences import Sequence, frames_of

__all__ = [
    "MEASURES",
    "Measure",
    "Scores",
    "Sequence",
    "combine",
    "evaluate",
    "find_sequences",
    "frames_of",
    "read_results",
    "read_sequence",
    "score",
    "score_classes",
]
