"""How good tracks are, on the public benchmarks and by their rules.

>>> from trackers.evaluation import combine, read_sequence, score
"""

from trackers.evaluation.scores import MEASURES, Measure, Scores, combine, score, score_classes
from trackers.evaluation.sequences import Sequence, find_sequences, frames_of, read_sequence

__all__ = [
    "MEASURES",
    "Measure",
    "Scores",
    "Sequence",
    "combine",
    "find_sequences",
    "frames_of",
    "read_sequence",
    "score",
    "score_classes",
]
