"""When a picture was taken, on the clock of the day."""

from __future__ import annotations

#: a difference that no lateness explains: the clock was put
_PUT = 5.0
#: the share of a difference that each picture makes good
_DRIFT = 1e-3


class Dating:
    """The time of day of pictures that arrive late by more or less, on a clock that may be put.

    A camera's first pictures come in one go, a second or two late: the earliest arrival dates all.
    """

    def __init__(self) -> None:
        self._zero: float | None = None

    def at(self, seconds: float, wall: float) -> tuple[float, float]:
        """UTC seconds of the picture `seconds` into the recording that arrived at `wall`.

        And by how much those before it turn out to have been dated too late.
        """
        zero, known = wall - seconds, self._zero
        better = 0.0
        if known is None or abs(zero - known) > _PUT:
            self._zero = zero
        elif zero < known:
            self._zero, better = zero, known - zero
        else:  # follow a camera whose clock goes slow
            self._zero = known + (zero - known) * _DRIFT
        return seconds + self._zero, better
