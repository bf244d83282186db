"""Moments as people write them."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

from vidstream.errors import UsageError
from vidstream.graph.kinds import INVALID, Duration, Reading

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_FORMS = "2h, 1d ago, today, yesterday, 22:30, 2026-05-01, 2026-05-01T08:00 or 2026-05-01T08:00+02:00"


def moment(text: str, option: str, now: float, *, end: bool = False) -> float:
    """UTC seconds of a moment in the machine's own time zone, unless it names one; UsageError if it is none.

    With `end`, a day means its end: ``--until today`` includes today.
    """
    words = text.strip()
    ago = Duration().read(words.removesuffix("ago").strip(), (), Reading())
    if ago is not INVALID:
        return now - float(ago)
    here = datetime.fromtimestamp(now)
    days = {"today": 0, "yesterday": 1}
    try:
        if words in days or _DATE.fullmatch(words):
            day = (
                here.date() - timedelta(days[words])
                if words in days
                else datetime.fromisoformat(words).date()
            )
            return datetime.combine(day + timedelta(end), time.min).timestamp()
        if words == "now":
            return now
        if re.fullmatch(r"\d?\d:\d\d(:\d\d)?", words):
            return datetime.combine(here.date(), time.fromisoformat(words.zfill(5))).timestamp()
        return datetime.fromisoformat(words).timestamp()
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"{option} {text}: is no moment", fix=f"write {_FORMS}") from None
