"""The Python face: a graph from YAML or from code, run whole or frame by frame.

>>> from vidstream import Pipeline
>>> pipeline = Pipeline.build(
...     source="synthetic:shapes", graph={"find": "detect.motion", "track": "track.sort"}, run={"frames": 5}
... )
>>> [packet.seq for packet in pipeline]
[0, 1, 2, 3, 4]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from vidstream import builtin
from vidstream.config import build, load
from vidstream.errors import UsageError
from vidstream.graph.change import Change
from vidstream.graph.clock import Clock
from vidstream.graph.description import Description
from vidstream.graph.engine import Engine
from vidstream.graph.registry import Registry
from vidstream.graph.report import RunReport
from vidstream.types import Packet


class Pipeline:
    """A graph, ready to run once.

    ``for packet in pipeline`` gives finished frames (`Packet`: ``packet.seq``, ``packet.pts``,
    ``packet.image``, ``packet["track"]``); leaving the loop stops it. ``pipeline.run()`` runs to the end.
    Afterwards ``pipeline.report`` says what happened.
    """

    def __init__(
        self, description: Description, registry: Registry | None = None, clock: Clock | None = None
    ) -> None:
        known = registry.stages.values() if registry else ()
        self.engine = Engine(description, clock=clock, known=known)
        self._read: Callable[[], Description] | None = None

    @classmethod
    def from_yaml(
        cls,
        path: str | Path,
        *,
        source: str | None = None,
        variables: Mapping[str, str] | None = None,
        overrides: Mapping[str, str] | None = None,
        plugins: Sequence[str | Path] = (),
    ) -> Self:
        """The graph of a YAML file; ConfigError lists everything that is wrong with it.

        `source` replaces the file's sources, `variables` its `vars`, `overrides` single values by dotted
        key (``{"graph.det.confidence": "0.3"}``); `plugins` are Python files with further stages.
        """
        registry = builtin.registry(Path(p) for p in plugins)

        def read() -> Description:
            changes = {"variables": variables or {}, "overrides": overrides or {}}
            return load(Path(path), registry, source=source, **changes).description

        pipeline = cls(read(), registry)
        pipeline._read = read
        return pipeline

    @classmethod
    def build(
        cls,
        *,
        graph: Mapping[str, Any],
        source: Any = None,
        sources: Mapping[str, Any] | None = None,
        run: Mapping[str, Any] | None = None,
        base: str | Path = ".",
    ) -> Self:
        """The same in code: values are written as in YAML, and a stage may also be its class or function.

        ConfigError lists everything that is wrong; relative paths start from `base`.
        """
        registry = builtin.registry()
        named = {key: _named(value, registry) for key, value in graph.items()}
        content: dict[str, Any] = {"graph": named, "run": dict(run or {})}
        content |= {"source": source} if sources is None else {"sources": dict(sources)}
        return cls(build(content, registry, Path(base)).description, registry)

    def __iter__(self) -> Iterator[Packet]:
        return self.engine.packets()

    def run(self, tick: Callable[[], None] = lambda: None) -> RunReport:
        """Run to the end; `tick` is called ten times a second."""
        return self.engine.run(tick)

    def stop(self) -> None:
        """Read no further; what is under way is finished. May be called from any thread."""
        self.engine.stop()

    def apply(self, description: Description) -> Change:
        """Change over to another description while it runs, see `Engine.apply`."""
        return self.engine.apply(description)

    def reload(self) -> Change:
        """Read the YAML file again, and change over to what it says now.

        Raises what is wrong with it, and then all goes on as before; so it does where the `Change` that is
        given turns out to have an `error`.
        """
        if self._read is None:
            what = "this graph was not read from a file"
            raise UsageError(what, fix="make another one with Pipeline.build, and apply its description")
        return self.apply(self._read())

    @property
    def report(self) -> RunReport:
        """What has been done so far."""
        return self.engine.report()


def _named(value: Any, registry: Registry) -> Any:
    """A stage given as class or function gets registered, and stands under its name from then on."""
    use = value.get("use") if isinstance(value, Mapping) else value
    if use is None or isinstance(use, str):
        return value
    registry.add(use)
    return {**value, "use": use.spec.name} if isinstance(value, Mapping) else use.spec.name
