"""What tracks looked like before: a gallery of looks, or one running mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise

import numpy as np

from trackers.appearance.crops import unit_rows
from trackers.assignment import Allowed, Rows, pairs_of
from vidstream.errors import ShapeError
from vidstream.geometry import Array, Float32, Float64
from vidstream.types import Ids


class Memory(ABC):
    """Looks per track, in one array that grows as needed: the first `len` places are taken, with no gaps."""

    def __init__(self, *shape: int) -> None:
        self._store = np.zeros((0, *shape, 0), np.float32)
        self._places: dict[int, int] = {}
        #: the key of each place
        self._keys: list[int] = []

    def __len__(self) -> int:
        return len(self._keys)

    def keep(self, keys: Ids) -> None:
        """Let go of all tracks but these."""
        for gone in self._places.keys() - set(keys.tolist()):
            place, last = self._places.pop(gone), self._keys.pop()
            if last != gone:  # the last one moves into the gap
                self._move(len(self._keys), place)
                self._keys[place], self._places[last] = last, place

    @abstractmethod
    def add(self, keys: Ids, features: Float32) -> None:
        """A look, a row of (N, D), for each of these tracks, known or new."""

    @abstractmethod
    def pair_distances(self, keys: Ids, features: Float32, rows: Rows, cols: Rows) -> Float64:
        """(P,) cosine distances of the tracks ``keys[rows]`` from ``features[cols]``, unit rows of (N, D).

        `rows` ascends; infinite where a track is unknown.
        """

    def distances(self, keys: Ids, features: Float32, wanted: Allowed | None = None) -> Float64:
        """(T, N) cosine distances of tracks from features; infinite for unknown tracks.

        Worked out for the `wanted` pairs (T, N) alone, if given, and infinite elsewhere.
        """
        if wanted is None:
            wanted = np.ones((len(keys), len(features)), bool)
        rows, cols = pairs_of(wanted)
        distances = np.full(wanted.shape, np.inf)
        distances[rows, cols] = self.pair_distances(keys, features, rows, cols)
        return distances

    def _places_of(self, keys: Ids) -> Rows:
        """(T,) -1 where unknown."""
        find = self._places.get
        return np.array([find(key, -1) for key in keys.tolist()], np.int64)

    def _open(self, keys: Ids, size: int) -> Rows:
        """Places for all of the keys, and those among them that are new, which `_clear` has seen."""
        if not self._keys and size != self._store.shape[-1]:
            self._store = np.zeros((*self._store.shape[:-1], size), np.float32)
        if size != self._store.shape[-1]:
            raise ShapeError(
                f"features: expected (N, {self._store.shape[-1]}) as before, got (N, {size})",
                where=type(self).__name__,
            )
        first = len(self._keys)
        for key in keys.tolist():
            if key not in self._places:
                self._places[key] = len(self._keys)
                self._keys.append(key)
        if len(self._keys) > len(self._store):
            self._grow(max(len(self._keys), 2 * len(self._store), 8))
        self._clear(first, len(self._keys))
        return self._places_of(keys)

    def _grow(self, count: int) -> None:
        self._store = _grown(self._store, count)

    @abstractmethod
    def _clear(self, first: int, end: int) -> None:
        """These places are new."""

    def _move(self, source: int, target: int) -> None:
        self._store[target] = self._store[source]


class Gallery(Memory):
    """The last `budget` looks of each track (Wojke 2017, section 2.2), one array ring per track.

    A ring begins filled with its first look, so that all are equally long and the nearest look is one
    maximum over them.
    """

    #: pairs per track that go through one product for all tracks; further ones take one for each track
    _TOGETHER = 2

    def __init__(self, budget: int = 100) -> None:
        super().__init__(budget)
        self._added = np.zeros(0, np.int64)
        self._asked = np.zeros((0, self._TOGETHER, 0), np.float32)

    def add(self, keys: Ids, features: Float32) -> None:
        """One more look, a row of (N, D), for each of these tracks; new keys open a ring."""
        places = self._open(keys, features.shape[1])
        fresh = self._added[places] == 0
        self._store[places[fresh]] = features[fresh, None]
        self._store[places, self._added[places] % self._store.shape[1]] = features
        self._added[places] += 1

    def pair_distances(self, keys: Ids, features: Float32, rows: Rows, cols: Rows) -> Float64:
        """(P,) least cosine distances from any look of the tracks (Wojke 2017, eq. 3).

        With 500 tracks of 100 looks this reads 26 MB; most tracks have one or two detections in reach, and
        a product per track would cost more in Python than in numbers (570 tracks: 2.1 ms for 5.7).
        """
        places = self._places_of(keys)[rows]
        similar = np.full(len(rows), -np.inf)
        rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
        known = places >= 0
        together = known & (rank < self._TOGETHER)
        if 3 * np.count_nonzero(known & (rank == 0)) <= len(self):  # the one product is for all tracks
            together[:] = False
        else:
            similar[together] = self._together(places[together], rank[together], features[cols[together]])
        rest = np.flatnonzero(known & ~together)
        bounds = [0, *(np.flatnonzero(np.diff(rows[rest])) + 1).tolist(), len(rest)]
        for first, end in pairwise(bounds) if len(rest) else ():
            pairs = rest[first:end]
            ring = self._store[places[pairs[0]]]
            similar[pairs] = (ring @ features[cols[pairs]].T).max(axis=0)
        return 1 - similar

    def _together(self, places: Rows, rank: Rows, features: Float32) -> Float32:
        count = len(self)
        if self._asked.shape[0] < count or self._asked.shape[2] != features.shape[1]:
            self._asked = np.zeros((len(self._store), self._TOGETHER, features.shape[1]), np.float32)
        self._asked[places, rank] = features
        products = np.matmul(self._asked[:count], self._store[:count].transpose(0, 2, 1))
        nearest: Float32 = products.max(axis=2)[places, rank]
        return nearest

    def _grow(self, count: int) -> None:
        super()._grow(count)
        self._added = _grown(self._added, count)

    def _clear(self, first: int, end: int) -> None:
        self._added[first:end] = 0

    def _move(self, source: int, target: int) -> None:
        super()._move(source, target)
        self._added[target] = self._added[source]


class Ema(Memory):
    """One look per track: the exponential moving average of all it has shown, a unit row.

    Wang et al., "Towards Real-Time Multi-Object Tracking" (JDE, ECCV 2020), section 3.4; BoT-SORT (2022),
    eq. 11. A hundred times smaller and faster than a gallery, and steadier under noise; a gallery
    remembers the back of who now shows the face.
    """

    def __init__(self, alpha: float = 0.9) -> None:
        super().__init__()
        self._alpha = alpha

    def add(self, keys: Ids, features: Float32, trust: Float32 | None = None) -> None:
        """Mix a row of (N, D) into each track's mean; new keys begin with theirs.

        trust: (N,) 0 to 1, how much of the usual share each row gets (blurred or hidden ones less); all of
        it where left out. Deep OC-SORT (Maggiolino et al. 2023), eq. 3.
        """
        places = self._open(keys, features.shape[1])
        share = np.full(len(keys), 1 - self._alpha, np.float32)
        if trust is not None:
            share *= trust
        before = self._store[places]
        share[~before.any(axis=1)] = 1.0
        self._store[places] = unit_rows(before + share[:, None] * (features - before))

    def pair_distances(self, keys: Ids, features: Float32, rows: Rows, cols: Rows) -> Float64:
        """(P,) cosine distances from the tracks' means."""
        places = self._places_of(keys)[rows]
        known = places >= 0
        distances = np.full(len(rows), np.inf)
        if known.any():
            pairs = self._store[places[known]], features[cols[known]]
            distances[known] = 1 - np.einsum("pd,pd->p", *pairs)
        return distances

    def distances(self, keys: Ids, features: Float32, wanted: Allowed | None = None) -> Float64:
        """(T, N) cosine distances from the tracks' means: one product for all pairs."""
        places = self._places_of(keys)
        distances = np.full((len(keys), len(features)), np.inf)
        known = places >= 0
        if known.any():
            distances[known] = 1 - self._store[places[known]] @ features.T
        return distances if wanted is None else np.where(wanted, distances, np.inf)

    def _clear(self, first: int, end: int) -> None:
        self._store[first:end] = 0.0


def _grown(array: Array, count: int) -> Array:
    """`count` rows: those of the array, then zeros."""
    longer = np.zeros((count, *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer
