"""Problems of models, as problems of the options that name them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from detectors.dnn.engines.base import Device, EngineName
from detectors.dnn.engines.choose import check_engine
from vidstream.errors import MissingDependency, ModelError, ParamError


def problem_of(option: str, error: ModelError | MissingDependency) -> ParamError:
    """The error as what is wrong with `option`."""
    what = f"{error.where}: {error.what}" if error.where else error.what
    return ParamError(what, path=(option,), fix=error.fix)


def problems_of(option: str, attempt: Callable[[], object]) -> Iterator[ParamError]:
    """What `attempt` raises of a model or engine, as what is wrong with `option`; nothing if it succeeds."""
    try:
        attempt()
    except (ModelError, MissingDependency) as error:
        yield problem_of(option, error)


def engine_problems(engine: EngineName, device: Device) -> Iterator[ParamError]:
    """An engine that is not installed, or a device that is not there."""
    try:
        check_engine(engine, device)
    except MissingDependency as error:
        yield problem_of("engine", error)
    except ModelError as error:
        yield problem_of("device", error)
