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
    kind = find(TRACKERS, name, "trackers")
    check_settings(name, kind.params, settings, "trackers")
    made: Tracker = kind.tracker(kind.params(**settings))
    return made


def find(kinds: Mapping[str, Any], name: str, where: str) -> Any:
    """What a table of trackers has under this name. Raises UsageError that names the nearest one."""
    if name not in kinds:
        raise _unknown(f"there is no tracker '{name}'", name, list(kinds), where)
    return kinds[name]


def check_settings(name: str, params: type[Any], settings: Mapping[str, Any], where: str) -> None:
    """Raises UsageError for the first setting that the tracker `name` does not have."""
    known = list(params.__dataclass_fields__)
    for key in settings:
        if key not in known:
            raise _unknown(f"{name} has no setting '{key}'", key, known, where)


def _unknown(what: str, word: str, known: list[str], where: str) -> UsageError:
    return UsageError(what, where=where, fix=did_you_mean(word, known) or f"known: {', '.join(known)}")
