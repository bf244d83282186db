"""Names that hold over a track: the mean of several looks decides."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from detectors.faces.match import Match, Matcher

#: so many times the looks that are needed for a name are remembered
_MEMORY = 3
#: seconds after which a track that was not seen again is forgotten
_FORGET = 10.0
_UNDECIDED = Match("", 0.0)


@dataclass(slots=True)
class _Track:
    """Similarities to everybody at each of the last looks, and the times of the last look and sight."""

    looks: deque[npt.NDArray[np.float32]]
    looked_at: float = -np.inf
    seen_at: float = -np.inf
    match: Match = field(default=_UNDECIDED)


class Votes:
    """Who each track is, by the mean similarity over its last looks.

    A track is named after `needed` looks, from then on it is `due` again `again` seconds after the last.
    """

    def __init__(self, matcher: Matcher, needed: int, again: float) -> None:
        self._matcher, self._needed, self._again = matcher, needed, again
        self._tracks: dict[int, _Track] = {}

    def clear(self) -> None:
        """Forget everybody."""
        self._tracks.clear()

    def due(self, track_id: int, pts: float) -> bool:
        """Whether to look at this track now; always at what is not followed."""
        track = self._tracks.get(track_id)
        return track is None or len(track.looks) < self._needed or pts - track.looked_at >= self._again

    def update(self, track_id: int, scores: npt.NDArray[np.float32] | None, pts: float) -> Match:
        """Who it is; `scores` (people,) are those of a look on this frame, if there was one.

        An empty name: not looked at often enough.
        """
        if track_id < 0:
            return _UNDECIDED if scores is None else self._matcher.name(scores)
        track = self._tracks.get(track_id)
        if track is None:
            track = self._tracks[track_id] = _Track(deque(maxlen=_MEMORY * self._needed))
        track.seen_at = pts
        if scores is not None:
            track.looked_at = pts
            track.looks.append(scores)
            if len(track.looks) >= self._needed:
                track.match = self._matcher.name(np.mean(track.looks, axis=0))
        return track.match

    def forget(self, pts: float) -> None:
        """Drop tracks that were not seen for long."""
        self._tracks = {k: t for k, t in self._tracks.items() if pts - t.seen_at <= _FORGET}
