"""Problems of models, as problems of the options that name them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vidstream.errors import ModelError, ParamError


def problem_of(option: str, error: ModelError) -> ParamError:
    """The error as what is wrong with `option`."""
    what = f"{error.where}: {error.what}" if error.where else error.what
    return ParamError(what, path=(option,), fix=error.fix)


def problems_of(option: str, attempt: Callable[[], object]) -> Iterator[ParamError]:
    """The ModelError that `attempt` raises, as what is wrong with `option`; nothing where it succeeds."""
    try:
        attempt()
    except ModelError as error:
        yield problem_of(option, error)
