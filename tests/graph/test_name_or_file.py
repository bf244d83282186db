"""A name that a stage knows, or a file beside the YAML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from vidstream.errors import ParamError
from vidstream.graph.params import make_params, parameters
from vidstream.types.values import FileOrName, ModelName


@dataclass(frozen=True)
class Params:
    model: FileOrName  #: which


BASE = Path("/jobs/gate")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        pytest.param("default", "default", id="a name"),
        pytest.param("osnet-x0.25", "osnet-x0.25", id="a name with a number behind a dot"),
        pytest.param("people.hog.xml", "/jobs/gate/people.hog.xml", id="a file"),
        pytest.param("models/people", "/jobs/gate/models/people", id="a path without an ending"),
        pytest.param("../people.yml", "/jobs/gate/../people.yml", id="a file in another folder"),
        pytest.param("/models/people.xml", "/models/people.xml", id="a whole path"),
        pytest.param("~/people.xml", str(Path.home() / "people.xml"), id="a file at home"),
        pytest.param(Path("people.xml"), "/jobs/gate/people.xml", id="a path from code"),
    ],
)
def test_files_start_from_the_folder_of_the_yaml_file(given, read):
    assert make_params(Params, {"model": given}, "", BASE).model == read


@dataclass(frozen=True)
class NetworkParams:
    model: ModelName  #: which


@pytest.mark.parametrize(
    ("given", "read"),
    [
        pytest.param("yolox-nano", "yolox-nano", id="a name"),
        pytest.param("mine.v2", "mine.v2", id="a name with a dot"),
        pytest.param("mine.onnx", "/jobs/gate/mine.onnx", id="an ONNX file"),
        pytest.param("nets/mine.weights", "/jobs/gate/nets/mine.weights", id="Darknet weights"),
        pytest.param("best.pt", "/jobs/gate/best.pt", id="a file of Ultralytics"),
    ],
)
def test_networks_start_there_too(given, read):
    assert make_params(NetworkParams, {"model": given}, "", BASE).model == read


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param(3, "expected a known name, or a file, got 3", id="a number"),
        pytest.param("", "expected a known name, or a file", id="nothing"),
        pytest.param("a\0.xml", "expected a known name, or a file", id="a zero inside"),
    ],
)
def test_what_is_neither_is_told(given, words):
    with pytest.raises(ParamError, match=words):
        make_params(Params, {"model": given}, "", BASE)


def test_it_describes_itself_as_a_text():
    (parameter,) = parameters(Params)
    assert parameter.schema() == {"type": "string", "minLength": 1, "description": "which"}
