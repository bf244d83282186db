"""The trackers of many objects by name, for whoever lets people choose one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from trackers.adaptive import AdaptiveParams, AdaptiveTracker
from trackers.base import Tracker, TrackerParams
from trackers.botsort import BotSortParams, BotSortTracker
from trackers.bytetrack import ByteTrackParams, ByteTrackTracker
from trackers.deepsort import DeepSortParams, DeepSortTracker
from trackers.ocsort import OcSortParams, OcSortTracker
from trackers.sort import SortParams, SortTracker
from vidstream.errors import UsageError, did_you_mean


class Kind(NamedTuple):
    """A tracker and its settings; `tracker(params())` makes one."""

    tracker: type[Any]
    params: type[TrackerParams]


TRACKERS: Mapping[str, Kind] = {
    "sort": Kind(SortTracker, SortParams),
    "deepsort": Kind(DeepSortTracker, DeepSortParams),
    "bytetrack": Kind(ByteTrackTracker, ByteTrackParams),
    "ocsort": Kind(OcSortTracker, OcSortParams),
    "botsort": Kind(BotSortTracker, BotSortParams),
    "adaptive": Kind(AdaptiveTracker, AdaptiveParams),
}


def make(name: str, **settings: Any) -> Tracker:
    """A new tracker of this name. Raises UsageError for an unknown name or setting.

    >>> type(make("sort", n_init=1)).__name__
    'SortTracker'
    """
    kind = TRACKERS.get(name)
    if kind is None:
        raise _unknown(f"no tracker '{name}'", name, list(TRACKERS))
    known = list(kind.params.__dataclass_fields__)
    for key in settings:
        if key not in known:
            raise _unknown(f"{name} has no setting '{key}'", key, known)
    made: Tracker = kind.tracker(kind.params(**settings))
    return made


def _unknown(what: str, word: str, known: list[str]) -> UsageError:
    return UsageError(what, where="trackers", fix=did_you_mean(word, known) or f"known: {', '.join(known)}")
