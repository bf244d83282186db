"""Names of MQTT topics. Whatever a source, line or zone is called, it stays within its own level."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from vidstream.errors import ParamError

#: a level is no longer than this; a whole topic may have 65535 bytes
_LONGEST: Final = 200
#: `/` would make two levels, `+` and `#` are wildcards, and `%` is what they are written with
_SPECIAL: Final = re.compile(r"[/+#%\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def level(name: str) -> str:
    """A name as one level of a topic: special letters as ``%`` and their hexadecimal code.

    >>> level("yard"), level("north/+1#"), level("")
    ('yard', 'north%2F%2B1%23', '%')
    """
    return _SPECIAL.sub(lambda match: f"%{ord(match[0]):02X}", name)[:_LONGEST] or "%"


def check_prefix(prefix: str, option: str) -> Iterable[ParamError]:
    """Whether topics can begin with it."""
    levels = prefix.split("/")
    if any(level(part.replace("%", "_")) != part.replace("%", "_") for part in levels) or prefix[:1] == "$":
        yield ParamError(
            f"topics cannot begin with '{prefix}'",
            path=(option,),
            fix="give words with '/' between them, such as 'site/cameras', without '+', '#' and '$'",
        )
