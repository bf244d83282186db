"""The stage contract: what a stage is, and what the engine promises it.

Lifecycle, per (stage, source): ``__init__(params)``, ``open(stream)`` once before the first frame,
``process(...)`` once per frame in order, ``on_gap(gap)`` when time jumps, ``flush()`` once after the last
frame, ``close()`` always, even after an error in ``open``. All calls for one instance come from one
thread at a time; instances are never shared between sources.
"""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar, overload

from vidstream.errors import ParamError
from vidstream.graph.clock import Clock, SystemClock
from vidstream.graph.commons import Commons
from vidstream.graph.footage import Footage
from vidstream.graph.ports import Signature, is_port_type, signature_of
from vidstream.types import FrameInfo, Gap, SourceStatus, StreamInfo

#: keys of a stage's YAML entry that belong to the engine, so no parameter may take their names
RUN_KEYS = frozenset({"use", "in", "every", "max_fps", "sources", "when", "on_error", "workers", "enabled"})

Notify = Callable[[str, str], None]
#: gives what `process` is to give on a frame; None on frames on which there is nothing
Recall = Callable[[FrameInfo], Any]


@dataclass(frozen=True, slots=True)
class NoParams:
    """For stages without options."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What the engine must know of a stage to schedule it.

    heavy        milliseconds per frame, not microseconds: gets a thread of its own
    stateless    no memory between frames: `workers: n` may run it on several at once (see `Stage.memory`)
    shared       stateless, and costly to have twice (a network): sources with equal options share one
                 instance, on a thread of its own, which is given their frames in batches
    adds         what it gives stands beside what it takes (alerts beside counts), and does not replace it:
                 stages that take all there is of a kind are given both
    sink         its purpose is a side effect; a failure never takes the frame from others
    lossy        a sink for eyes: it may miss frames rather than hold the graph up; where it has a method
                 `idle()`, that is called while no frames come
    main_thread  must be called from the process's main thread (windows)
    """

    heavy: bool = False
    stateless: bool = False
    shared: bool = False
    adds: bool = False
    sink: bool = False
    lossy: bool = False
    main_thread: bool = False


@dataclass(frozen=True, slots=True)
class StageSpec:
    """A stage as the registry knows it."""

    name: str
    cls: type[Stage]
    params: type
    signature: Signature
    traits: Traits

    @property
    def doc(self) -> str:
        """The whole docstring."""
        return inspect.getdoc(self.cls) or ""

    @property
    def summary(self) -> str:
        """The docstring's first line."""
        return self.doc.partition("\n")[0]


class Stage:
    """Base of all stages. Subclasses add ``process``, whose signature gives the ports.

    A stage never writes into what it is given; arrays that travel are read-only. What it needs from
    heavy or optional libraries it imports in `open`.
    """

    Params: ClassVar[type] = NoParams
    spec: ClassVar[StageSpec]
    #: the stage's id in the graph and the source it works for; set by the engine before `open`
    stage_id: str = ""
    source: str = ""
    #: its calls wait for somebody whom the watchdog looks after himself
    waits: ClassVar[bool] = False
    #: most frames that `process_batch` gains from taking at once; `open` may raise it
    batch_limit: int = 1
    #: folder that everything written stays under; set by the engine
    out_root: Path = Path()
    #: report a named event (kind, message): "cpu-fallback", "file-damaged" ...; set by the engine
    notify: Notify = staticmethod(lambda kind, message: None)
    #: time, both of the day and monotonic, comes from here; set by the engine
    clock: Clock = SystemClock()
    #: what the source received before decoding, where it gives that; set by the engine
    footage: Footage = Footage()
    #: what stages of different sources share; set by the engine
    commons: Commons = Commons(remembers=False)

    def __init__(self, params: Any) -> None:
        self.params = params

    @classmethod
    def check(cls, params: Any) -> Iterable[ParamError]:
        """Look, before anything opens, for what `open` will need (a model, a program); give what is wrong."""
        return ()

    @classmethod
    def check_inputs(cls, params: Any, wired: Collection[str]) -> Iterable[ParamError]:
        """Look whether the input ports that something feeds are enough; give what is wrong."""
        return ()

    @classmethod
    def hindsight(cls, params: Any) -> str:
        """The option that tells the stage to look ahead, where it is set; else an empty text.

        A recording is then read more than once. In a first pass the stage runs as ever, with those that
        feed it but without sinks, and has to remember what it needs; at its end it is asked to `revise`. In
        the last pass, which all others see, it does not run: what it revised is given in its place.
        """
        return ""

    @classmethod
    def memory(cls, params: Any) -> str:
        """The option that makes a stateless stage remember earlier frames, where set; else an empty text."""
        return ""

    def open(self, stream: StreamInfo) -> None:
        """Load what is needed; raise a VidstreamError that says what is missing."""

    def on_gap(self, gap: Gap) -> None:
        """Time jumped (reconnect, loop, seek) or the picture's size changed."""

    def on_status(self, status: SourceStatus) -> None:
        """The source has come into a state: connecting, live, lost ...

        Called at once on the source's own thread, between `open` and `close`, perhaps while `process` runs:
        it must return soon, and be safe beside `process`. Frames do not come while a source is away.
        """

    def process_batch(self, batch: Sequence[tuple[Any, ...]]) -> list[Any]:
        """What `process` gives for each of these arguments: a `shared` stage that can, does them at once."""
        return [self.process(*values) for values in batch]  # type: ignore[attr-defined]  # see `Stage`

    def flush(self) -> Any:
        """The stream ended: give what was held back (as `process` would), or None."""

    def revise(self) -> Recall:
        """Called behind `flush` on a stage with hindsight: what it would have given on each frame, had it
        known what was to come. The frames are asked for in order, after `close`.
        """
        return lambda frame: None

    def close(self) -> None:
        """Free everything; called once, also after errors."""


S = TypeVar("S", bound=type[Stage])
F = TypeVar("F", bound=Callable[..., Any])


class Decorate(typing.Protocol):
    """What ``@stage("name")`` gives: it takes a Stage class or an annotated function."""

    @overload
    def __call__(self, item: S) -> S: ...
    @overload
    def __call__(self, item: F) -> F: ...


def stage(name: str, **traits: bool) -> Decorate:
    """Make a Stage class, or an annotated function, a stage of this name.

    >>> from vidstream.types import Detections
    >>> @stage("example.confident", stateless=True)
    ... def confident(detections: Detections, least: float = 0.5) -> Detections:
    ...     '''Keep detections that are sure enough.'''
    ...     return detections[detections.scores >= least]
    >>> spec_of(confident).summary
    'Keep detections that are sure enough.'

    A function's arguments of types that travel are its ports; the others are its parameters. Keyword
    arguments here set `Traits`. Raises TypeError where the signature cannot be read.
    """

    def decorate(item: Any) -> Any:
        cls = item if inspect.isclass(item) else _from_function(item)
        if not issubclass(cls, Stage) or not hasattr(cls, "process"):
            raise TypeError(
                f"stage '{name}': {cls.__name__} must derive from Stage and have a 'process' method"
            )
        clash = RUN_KEYS & {f.name for f in dataclasses.fields(cls.Params)}
        if clash:
            raise TypeError(f"stage '{name}': a parameter cannot be called {', '.join(sorted(clash))}")
        looks_ahead = any("hindsight" in vars(base) for base in cls.__mro__ if base not in Stage.__mro__)
        if looks_ahead and (traits.get("stateless") or traits.get("shared")):
            raise TypeError(f"stage '{name}': one that looks ahead cannot be stateless or shared")
        cls.spec = StageSpec(name, cls, cls.Params, signature_of(cls.process), Traits(**traits))
        if cls is not item:
            item.spec = cls.spec
        return item

    return decorate


def spec_of(item: Any) -> StageSpec:
    """The specification `@stage` made for a class or function."""
    spec: StageSpec = item.spec
    return spec


def _from_function(function: Callable[..., Any]) -> type[Stage]:
    """A Stage class around a function: ports from its travelling arguments, Params from the rest."""
    hints = typing.get_type_hints(function, include_extras=True)
    arguments = inspect.signature(function).parameters
    options = [n for n in arguments if n not in hints or not is_port_type(hints[n])]
    fields: list[Any] = []
    for name in options:
        default = arguments[name].default
        given = dataclasses.MISSING if default is inspect.Parameter.empty else default
        fields.append((name, hints.get(name, str), dataclasses.field(default=given)))
    params = dataclasses.make_dataclass(
        f"{function.__name__}_params", fields, frozen=True, slots=True, kw_only=True
    )
    signature = inspect.signature(function)
    ports = [n for n in arguments if n not in options]

    class FunctionStage(Stage):
        Params = params

        def open(self, stream: StreamInfo) -> None:
            self._options = {name: getattr(self.params, name) for name in options}

        def process(self, *values: Any) -> Any:
            return function(**dict(zip(ports, values, strict=True)), **self._options)

    kept = [signature.parameters[n] for n in ports]
    FunctionStage.process.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    FunctionStage.process.__annotations__ = {n: hints[n] for n in [*ports, "return"] if n in hints}
    FunctionStage.process.__qualname__ = function.__qualname__
    FunctionStage.__doc__ = function.__doc__
    FunctionStage.__name__ = FunctionStage.__qualname__ = function.__name__
    return FunctionStage
