"""What objects look like: a descriptor that needs no weights, networks, a memory per track.

>>> import numpy as np
>>> from trackers.appearance import Gallery, describe
>>> looks = describe(np.full((90, 90, 3), 200, np.uint8), np.array([[0, 0, 40, 80]], np.float32))
>>> gallery = Gallery()
>>> gallery.add(np.array([7]), looks)
>>> (gallery.distances(np.array([7]), looks) < 1e-6).tolist()
[[True]]
"""

from trackers.appearance.crops import Embedder, cut, unit_rows
from trackers.appearance.descriptor import describe
from trackers.appearance.memory import Ema, Gallery, Memory
from trackers.appearance.network import DEEPSORT_INPUT, CropInput, Input, Network, NetworkEmbedder

__all__ = [
    "DEEPSORT_INPUT",
    "CropInput",
    "Ema",
    "Embedder",
    "Gallery",
    "Input",
    "Memory",
    "Network",
    "NetworkEmbedder",
    "cut",
    "describe",
    "unit_rows",
]
