"""Ports, read from the signature of ``process``.

``tracks: Tracks``                    an input: the stage runs on frames where the value is there
``detections: Detections | None``     an input that must be wired, but may be absent on a frame (None)
``tracks: Tracks | None = None``      an optional input: left out where nothing gives it
``counts: tuple[Counts, ...] = ()``   any number of inputs, those present on the frame
``frame: FrameInfo``                  the frame's identity and times; not wired
``-> Counts``                         an output, named ``counts`` after its type
``-> tuple[Counts, Events]``          two outputs, ``counts`` and ``events``
``-> Events | None``                  an output that may be absent on a frame
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Union

from vidstream.types import (
    Canvas,
    Counts,
    Detections,
    Events,
    Flow,
    FrameInfo,
    Image,
    Labels,
    Masks,
    Texts,
    Tracks,
    View,
)

#: every type that may travel between stages
PORT_TYPES: tuple[type, ...] = (
    View,
    Canvas,
    Image,
    Tracks,
    Detections,
    Texts,
    Flow,
    Masks,
    Labels,
    Counts,
    Events,
)


@dataclass(frozen=True, slots=True)
class InputPort:
    """What a stage takes. `optional`: need not be wired; `nullable`: may be None on a frame."""

    name: str
    type: type
    optional: bool = False
    nullable: bool = False
    many: bool = False

    def describe(self) -> str:
        """The annotation in words: "Tracks", "Detections (may be absent)", "any number of Counts"."""
        text = f"any number of {self.type.__name__}" if self.many else self.type.__name__
        if self.optional and not self.many:
            return f"{text} (optional)"
        return f"{text} (may be absent on a frame)" if self.nullable and not self.many else text


@dataclass(frozen=True, slots=True)
class OutputPort:
    """What a stage gives, named after its type. `nullable`: may be None on a frame."""

    name: str
    type: type
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """The ports of a stage; `frame_at` is the position of the FrameInfo argument, or -1."""

    inputs: tuple[InputPort, ...]
    outputs: tuple[OutputPort, ...]
    frame_at: int = -1


def signature_of(function: Callable[..., Any], skip: frozenset[str] = frozenset({"self"})) -> Signature:
    """Read the ports of a ``process`` method or a stage function.

    Raises TypeError, naming the function and the argument, where an annotation is missing or is no
    type that travels.
    """
    where = getattr(function, "__qualname__", str(function))
    hints = typing.get_type_hints(function)
    inputs: list[InputPort] = []
    frame_at = -1
    position = 0
    for name, argument in inspect.signature(function).parameters.items():
        if name in skip:
            continue
        if name not in hints:
            raise TypeError(f"{where}: argument '{name}' needs an annotation, such as '{name}: Detections'")
        if hints[name] is FrameInfo:
            frame_at = position
        else:
            inputs.append(_input(where, name, hints[name], argument.default is not inspect.Parameter.empty))
        position += 1
    if "return" not in hints:
        raise TypeError(
            f"{where}: the return value needs an annotation, such as '-> Detections' or '-> None'"
        )
    return Signature(tuple(inputs), _outputs(where, hints["return"]), frame_at)


def is_port_type(annotation: Any) -> bool:
    """True for a type that travels, also wrapped as optional or ``tuple[T, ...]``."""
    plain, _ = _unwrap(annotation)
    args = typing.get_args(plain)
    if typing.get_origin(plain) is tuple and args:
        plain = args[0]
    return plain in PORT_TYPES or plain is FrameInfo


def _input(where: str, name: str, annotation: Any, has_default: bool) -> InputPort:
    plain, nullable = _unwrap(annotation)
    args = typing.get_args(plain)
    many = typing.get_origin(plain) is tuple and len(args) == 2 and args[1] is Ellipsis
    base = args[0] if many else plain
    if base not in PORT_TYPES:
        raise TypeError(
            f"{where}: argument '{name}' has type {annotation!r}, which does not travel in a graph"
        )
    return InputPort(name, base, optional=has_default or many, nullable=nullable, many=many)


def _outputs(where: str, annotation: Any) -> tuple[OutputPort, ...]:
    plain, all_nullable = _unwrap(annotation)
    if plain is type(None):
        return ()
    parts = typing.get_args(plain) if typing.get_origin(plain) is tuple else (plain,)
    ports = []
    for part in parts:
        base, nullable = _unwrap(part)
        if base not in PORT_TYPES or base is Image:
            raise TypeError(f"{where}: gives {part!r}, which does not travel in a graph")
        ports.append(OutputPort(base.__name__.lower(), base, nullable or all_nullable))
    if len({p.name for p in ports}) < len(ports):
        raise TypeError(f"{where}: gives the same type twice; one output per type")
    return tuple(ports)


def _unwrap(annotation: Any) -> tuple[Any, bool]:
    """(T, True) for ``T | None``, else (annotation, False)."""
    if typing.get_origin(annotation) in (Union, types.UnionType):
        rest = [a for a in typing.get_args(annotation) if a is not type(None)]
        if len(rest) == 1:
            return rest[0], True
    return annotation, annotation is type(None)
