"""Plain scalars by the YAML 1.2 core schema: `no`, `on` and `22:30` are words, `1e-3` is a number."""

from __future__ import annotations

import re
from typing import Final

Scalar = str | int | float | bool | None

_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT: Final = re.compile(r"[-+]?[0-9]+")
_OCT: Final = re.compile(r"0o[0-7]+")
_HEX: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
#: a longer run of digits is no number: it would not fit a float, and reading it takes quadratic time
_MAX_DIGITS: Final = 200


def resolve(text: str) -> Scalar:
    """The value of an unquoted scalar.

    >>> [resolve(t) for t in ("no", "22:30", "1e-3", "0o17", "0x1F", "017", "~", "true", "-.inf")]
    ['no', '22:30', 0.001, 15, 31, 17, None, True, -inf]
    """
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _MAX_DIGITS:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _OCT.fullmatch(text):
        return int(text[2:], 8)
    if _HEX.fullmatch(text):
        return int(text[2:], 16)
    if _FLOAT.fullmatch(text):
        # Python writes the special values without the dot
        special = text.lstrip("-+").lower() in (".inf", ".nan")
        return float(text.replace(".", "")) if special else float(text)
    return text
