"""What can be tuned: each setting of a tracker with its range, as its type says."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, Union

import numpy as np

from trackers.base import TrackerParams
from vidstream.errors import UsageError, did_you_mean
from vidstream.geometry import Float64
from vidstream.types.values import Range

Settings: TypeAlias = dict[str, Any]

#: a number without an upper bound is tried from a quarter of its default to four times that
_SPAN = 4.0
#: settings that are no matter of taste
_GIVEN = ("frame_rate",)


@dataclass(frozen=True, slots=True)
class Axis:
    """One setting: a list of values to choose from, or numbers from `low` to `high`."""

    name: str
    default: Any
    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 1.0
    whole: bool = False
    #: whether ratios matter, not differences
    logarithmic: bool = False

    def value(self, share: float) -> Any:
        """The setting that lies so far (0 to 1) along the axis, rounded to what one would write."""
        if self.choices:
            return self.choices[min(int(share * len(self.choices)), len(self.choices) - 1)]
        if self.logarithmic:
            number = self.low * (self.high / self.low) ** share
        else:
            number = self.low + (self.high - self.low) * share
        if self.whole:
            return round(number)
        digits = 2 - math.floor(math.log10(max(abs(number), 1e-3)))
        return min(max(round(number, digits), self.low), self.high)

    def share(self, value: Any) -> float:
        """Where a setting lies: the inverse of `value`."""
        if self.choices:
            return (self.choices.index(value) + 0.5) / len(self.choices)
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return float((value - self.low) / (self.high - self.low))


def search_space(params: type[TrackerParams], names: tuple[str, ...] | None = None) -> list[Axis]:
    """The settings named, or all that can be tuned. Raises UsageError for one that cannot.

    Choices and switches take all their values; numbers with two bounds all between; others from a quarter
    of their default to four times it, within their bounds.
    """
    hints = typing.get_type_hints(params, include_extras=True)
    defaults = {field.name: field.default for field in dataclasses.fields(params)}
    axes = {name: axis for name in hints if (axis := _axis(name, hints[name], defaults.get(name)))}
    for name in names or ():
        if name not in axes:
            hint = did_you_mean(name, list(axes)) or f"those that can: {', '.join(axes)}"
            raise UsageError(f"'{name}' is no setting that can be tuned", where="--params", fix=hint)
    return [axes[name] for name in names or axes]


def settings_at(axes: list[Axis], point: Float64) -> Settings:
    """The settings at a point of the unit cube."""
    return {axis.name: axis.value(float(share)) for axis, share in zip(axes, point, strict=True)}


def point_of(axes: list[Axis], settings: Mapping[str, Any]) -> Float64:
    """Where settings lie in the unit cube."""
    return np.array([axis.share(settings[axis.name]) for axis in axes])


def _axis(name: str, annotation: Any, default: Any) -> Axis | None:
    """None where the type has no range, or nothing is set."""
    if name in _GIVEN or default is None:
        return None
    origin, marks = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is bool:
        return Axis(name, default, (False, True))
    if origin is Literal:
        return Axis(name, default, marks)
    if origin in (Union, types.UnionType):
        found = (_axis(name, each, default) for each in marks if each is not type(None))
        return next((axis for axis in found if axis), None)
    if origin is Annotated:
        bounds = next((mark for mark in marks if isinstance(mark, Range)), Range())
        return _numbers(name, marks[0], bounds, default)
    return _numbers(name, annotation, Range(), default)


def _numbers(name: str, kind: Any, bounds: Range, default: Any) -> Axis | None:
    if kind not in (int, float) or isinstance(default, bool) or not isinstance(default, int | float):
        return None
    whole = kind is int
    if bounds.low is not None and bounds.high is not None:
        return Axis(name, default, low=bounds.low, high=bounds.high, whole=whole)
    if default == 0:
        return Axis(name, default, low=max(0.0, bounds.low or 0.0), high=1.0, whole=whole)
    ends = sorted((default / _SPAN, default * _SPAN))
    low = ends[0] if bounds.low is None else max(ends[0], bounds.low)
    high = ends[1] if bounds.high is None else min(ends[1], bounds.high)
    return Axis(name, default, low=low, high=high, whole=whole, logarithmic=low > 0)
