"""Ports from signatures, function stages, and what is said about a signature that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from vidstream.errors import UsageError
from vidstream.graph.params import parameters
from vidstream.graph.registry import Registry
from vidstream.graph.stage import Stage, spec_of, stage
from vidstream.types import Counts, Detections, Events, FrameInfo, Tracks, View


@stage("ports.all")
class Everything(Stage):
    """One of each."""

    def process(
        self,
        image: View,
        found: Detections | None,
        frame: FrameInfo,
        tracks: Tracks | None = None,
        counts: tuple[Counts, ...] = (),
    ) -> tuple[Counts, Events | None]: ...


def test_a_signature_is_the_ports() -> None:
    signature = spec_of(Everything).signature
    assert [(p.name, p.type, p.optional, p.nullable, p.many) for p in signature.inputs] == [
        ("image", View, False, False, False),
        ("found", Detections, False, True, False),
        ("tracks", Tracks, True, True, False),
        ("counts", Counts, True, False, True),
    ]
    assert [(p.name, p.type) for p in signature.outputs] == [("counts", Counts), ("events", Events)]
    assert signature.frame_at == 2


def test_a_function_is_a_stage() -> None:
    @stage("ports.function", stateless=True)
    def keep(found: Detections, frame: FrameInfo, least: float = 0.5, name: str = "x") -> Detections:
        """Keep the sure ones."""
        return found[found.scores >= least]

    spec = spec_of(keep)
    assert spec.summary == "Keep the sure ones."
    assert [(p.name, p.default) for p in parameters(spec.params)] == [("least", 0.5), ("name", "x")]
    assert [p.name for p in spec.signature.inputs] == ["found"]
    made = spec.cls(spec.params(least=0.8))
    made.open(None)  # type: ignore[arg-type]  # a function has no use for the stream
    found = Detections.of([[0, 0, 1, 1], [0, 0, 2, 2]], scores=[0.7, 0.9])
    assert len(made.process(found, None)) == 1  # type: ignore[attr-defined]
    assert len(keep(found, None)) == 2  # it is still the function it was


def bare_argument(image) -> None: ...  # type: ignore[no-untyped-def]
def wrong_argument(image: View, table: list[int]) -> None: ...
def no_return(image: View): ...  # type: ignore[no-untyped-def]
def wrong_return(image: View) -> int: ...  # type: ignore[empty-body]
def twice(image: View) -> tuple[Counts, Counts]: ...  # type: ignore[empty-body]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        pytest.param(no_return, "the return value needs an annotation", id="no return annotation"),
        pytest.param(
            wrong_return, "gives <class 'int'>, which does not travel", id="a return that cannot travel"
        ),
        pytest.param(twice, "gives the same type twice", id="the same type twice"),
        pytest.param(
            wrong_argument, "a parameter cannot have the type list", id="an argument of no known kind"
        ),
    ],
)
def test_a_signature_that_cannot_be_read_is_a_clear_error(function: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        parameters(spec_of(stage("ports.bad")(function)).params)


def test_a_process_method_needs_annotations() -> None:
    class Bad(Stage):
        """No annotation."""

        def process(self, image) -> None: ...  # type: ignore[no-untyped-def]

    with pytest.raises(TypeError, match="argument 'image' needs an annotation"):
        stage("ports.bad")(Bad)


def test_a_parameter_cannot_take_the_engine_s_words() -> None:
    class Bad(Stage):
        """Has an option called every."""

        @dataclass(frozen=True, slots=True)
        class Params:
            every: int = 1

        def process(self, image: View) -> None: ...

    with pytest.raises(TypeError, match="a parameter cannot be called every"):
        stage("ports.bad")(Bad)


PLUGIN = '''
from vidstream import stage
from vidstream.types import Detections

@stage("mine.keep")
def keep(detections: Detections, least: float = 0.5) -> Detections:
    """Keep the sure ones."""
    return detections[detections.scores >= least]
'''


def test_a_plugin_file_adds_its_stages(tmp_path: Path) -> None:
    (tmp_path / "plug.py").write_text(PLUGIN)
    registry = Registry()
    registry.add_plugin(tmp_path / "plug.py")
    assert registry.stage("mine.keep").summary == "Keep the sure ones."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(None, "does not exist; check the path", id="missing"),
        pytest.param("x = 1", "defines no stage; mark a class with @stage('name')", id="without stages"),
        pytest.param("import nothing_of_that_name", "cannot be loaded: ModuleNotFoundError", id="failing"),
        pytest.param("def (", "cannot be loaded: SyntaxError", id="no Python"),
    ],
)
def test_a_plugin_that_is_none_is_a_clear_error(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "plug.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError) as caught:
        Registry().add_plugin(path)
    assert message in str(caught.value)


def test_two_stages_cannot_share_a_name(tmp_path: Path) -> None:
    registry = Registry()
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(PLUGIN)
    registry.add_plugin(tmp_path / "one.py")
    with pytest.raises(UsageError, match="'mine.keep' is defined twice"):
        registry.add_plugin(tmp_path / "two.py")


def test_unknown_stages_get_a_hint() -> None:
    registry = Registry()
    registry.add(Everything)
    for wrong in ("all", "ports.al"):
        with pytest.raises(UsageError, match="did you mean 'ports.all'?"):
            registry.stage(wrong)
