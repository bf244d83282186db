"""What has become of a source: the states it goes through, each with its cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

#: connecting      trying to reach it
#: live            pictures arrive (a recording that is being read counts, too)
#: stalled         connected, but no picture has come for longer than it may take
#: lost            gone: the connection broke, nobody answers
#: auth-failed     the other side refused the name, the password or the path
#: bad-data        it sends what cannot be understood
#: format-changed  the pictures have another size from here on; pictures arrive
#: ended           its own end has come, or it was given up or taken out
SourceState: TypeAlias = Literal[
    "connecting", "live", "stalled", "lost", "auth-failed", "bad-data", "format-changed", "ended"
]
#: states in which pictures arrive
ARRIVING: frozenset[SourceState] = frozenset({"live", "format-changed"})


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """A source has come into a state: since when, and why. `cause` carries no password."""

    source: str
    state: SourceState
    #: in words; empty for `live`, where nothing is wrong
    cause: str
    #: when, on the monotonic clock, and UTC seconds
    mono: float
    wall: float

    @property
    def arriving(self) -> bool:
        """Whether pictures arrive."""
        return self.state in ARRIVING
