"""What came from the environment, or looks like a password, appears in no message."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest

from vidstream.config import explain, loads
from vidstream.config.substitute import Hidden
from vidstream.errors import ConfigError
from vidstream.graph.registry import Registry

SECRET = "hunter2secret"

#: options of every kind of value, each of which refuses the secret
PLACES = [
    "version: '{}'",
    "run: {{mode: '{}'}}",
    "run: {{queue: '{}'}}",
    "run: {{metrics: '{}', duration: '{}'}}",
    "run: '{}'",
    "source: '{}'",
    "source: {{use: '{}', uri: a.mp4}}",
    "source: {{uri: a.mp4, loop: '{}'}}",
    "source: {{uri: a.mp4, set: {{det.device: '{}'}}}}",
    "graph: '{}'",
    "graph: {{x: '{}'}}",
    "graph: {{x: {{use: '{}'}}}}",
    "graph: {{x: {{use: detect.dnn, confidence: '{}'}}}}",
    "graph: {{x: {{use: detect.dnn, size: ['{}', 1]}}}}",
    "graph: {{x: {{use: detect.dnn, size: '{}'}}}}",
    "graph: {{x: {{use: detect.dnn, in: '{}'}}}}",
    "graph: {{x: {{use: detect.dnn, in: {{view: '{}'}}}}}}",
    "graph: {{x: {{use: detect.dnn, when: '{}'}}}}",
    "graph: {{x: {{use: detect.dnn, every: '{}'}}}}",
    "graph: {{x: {{use: detect.dnn, sources: '{}'}}}}",
    "graph: {{x: {{use: detect.dnn, on_error: '{}'}}}}",
    "graph: {{x: {{use: detect.dnn, enabled: '{}'}}}}",
    "graph: {{x: {{use: draw.overlay, font: 'fonts//{}'}}}}",
    "graph: {{x: {{use: draw.overlay, font: '{}/../{}'}}}}",
    "graph: {{x: {{use: draw.overlay, colour: '{}'}}}}",
    "graph: {{x: {{use: detect.dnn}}, t: track.sort, c: {{use: count.line, lines: {{a: '{}'}}}}}}",
    "graph: {{x: {{use: detect.dnn}}, t: track.sort, c: {{use: count.line, lines: ['{}']}}}}",
]


def faults(text: str, registry: Registry, value: str) -> str:
    try:
        loads(text, registry, environ={"PW": value})
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        "73519824",
        "a'b\"c\\d-secret",
        "lnx\nbrk-zzqq",
        "x" * 60 + SECRET,
        "${nested}secret",
        "~/secret",
    ],
    ids=["word", "number", "quotes", "line break", "long", "reference", "home"],
)
def test_a_value_of_the_environment_is_not_shown(place: str, value: str, registry: Registry) -> None:
    text = place.replace("{}", "${{env:PW}}").format()
    section = text.partition(":")[0]
    rest = {"source": "source: a.mp4\n", "graph": "graph: {det: detect.dnn}\n", "version": "version: 1\n"}
    text += "\n" + "".join(part for name, part in rest.items() if name != section)
    shown = faults(text, registry, value)
    assert shown or value.isdecimal()  # a number fits in some of the places
    assert not any(value[i : i + 4] in shown for i in range(len(value) - 3)), shown


def test_short_values_are_hidden_where_they_are_shown(
    message: Callable[..., str], registry: Registry
) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(
            "source: a.mp4\ngraph: {det: {use: detect.dnn, confidence: '${env:PIN}'}}\n",
            registry,
            environ={"PIN": "42"},
        )
    assert "got ${env:PIN}" in str(caught.value)
    assert "42" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        'source: {uri: "rtsp://me:hunter2@cam/1", fpss: 5}',
        "source: {fpss: 5, uri: rtsp://me:hunter2@cam/1}",
        'source: {uri: "http://cam/live?token=hunter2&x=1", fpss: 5}',
        "graph: {det: {use: sink.http, token: hunter2, urll: x}}",
        "graph: {det: {use: sink.http, 'api_token': 'hunter2', urll: x}}",
        "run: {password: hunter2}",
        "source: {uri: rtsp://me:hunter2@cam/1, x: " + "a" * 300 + "}",
    ],
)
def test_a_password_written_out_is_not_shown(line: str, registry: Registry) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(line + "\n", registry)
    assert "hunter2" not in str(caught.value)
    assert "***" in str(caught.value)


def test_a_description_does_not_print_what_it_hides(registry: Registry) -> None:
    loaded = loads(
        'source: "rtsp://me:${env:PW}@cam/1"\ngraph: {det: {use: detect.dnn, model: "${env:PW}"}}\n',
        registry,
        environ={"PW": SECRET},
    )
    assert loaded.description.plans[0].stages[0].params.model == SECRET
    assert loaded.description.plans[0].source.params.uri.reveal() == f"rtsp://me:{SECRET}@cam/1"
    assert SECRET not in repr(loaded.description)
    assert SECRET not in explain(loaded, "graph") + explain(loaded, "source")


def test_nothing_of_a_loaded_configuration_prints_it(registry: Registry) -> None:
    text = (
        "source: '${env:PW}.mp4'\n"
        "graph: {det: {use: detect.dnn, model: '${env:PW}', size: [1, '${env:N}']}}\n"
    )
    loaded = loads(text, registry, environ={"PW": SECRET, "N": "8080"})
    assert loaded.description.plans[0].stages[0].params.size == (1, 8080)
    assert SECRET not in repr(loaded)


@pytest.mark.parametrize(
    "line",
    [
        "run: {mode: 'rtsp://me:hunter2@cam/1'}",
        "graph: {x: {use: draw.overlay, font: 'http://cam/?token=hunter2'}}",
        "graph: {x: {use: detect.dnn, in: 'rtsp://me:hunter2@cam/1'}}",
    ],
)
def test_an_address_with_a_password_in_a_wrong_place_is_not_shown(line: str, registry: Registry) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(line + "\n", registry)
    assert "hunter2" not in str(caught.value)


def test_a_secret_that_is_a_number_is_not_shown(message: Callable[..., str]) -> None:
    text = "source: a.mp4\ngraph:\n  send: {use: sink.http, url: u, token: 7351982}\n"
    assert "graph.send.token: expected a secret text, got ***; put it in quotes" in message(text)
    assert "7351982" not in message(text)


def test_a_hidden_text_is_a_text_in_every_other_way() -> None:
    hidden = Hidden(SECRET, "${env:PW}")
    assert repr(hidden) == "'${env:PW}'"
    assert (str(hidden), f"{hidden}", hidden + "!", hash(hidden)) == (
        SECRET,
        SECRET,
        f"{SECRET}!",
        hash(SECRET),
    )
    assert pickle.loads(pickle.dumps(hidden)) == SECRET
