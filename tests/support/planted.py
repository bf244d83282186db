"""The password that all cameras of the fault suite ask for, and the search for it."""

from __future__ import annotations

from urllib.parse import quote

#: in every camera's address; it must appear nowhere else, neither as it is nor as addresses write it
PASSWORD = "pl@nted/pass word"
LOGIN = f"viewer:{PASSWORD}"
_QUOTED = quote(PASSWORD, safe="")
_FORMS = [form.encode() for form in {PASSWORD, quote(PASSWORD), _QUOTED, PASSWORD.replace(" ", "+")}]


def leaks(data: bytes) -> int:
    """How often the password is in there, raw or URL-quoted."""
    return sum(data.count(form) for form in _FORMS)


def hidden(url: str) -> str:
    """An address as a configuration has it: with the password from the environment."""
    return url.replace(_QUOTED, "${env:CAM_PW}")
