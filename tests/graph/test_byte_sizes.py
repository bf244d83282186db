"""Amounts of data as options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from vidstream.errors import ParamError
from vidstream.graph.params import make_params, params_schema
from vidstream.types.values import Bytes, Range, Unit


@dataclass(frozen=True, slots=True)
class Params:
    """Options."""

    x: Bytes  #: as much
    y: Annotated[int, Unit("B"), Range(1000)] = 1000  #: at least so much


@pytest.mark.parametrize(
    ("given", "bytes_"),
    [
        pytest.param(0, 0, id="nothing"),
        pytest.param(1234, 1234, id="a number of bytes"),
        pytest.param("7B", 7, id="bytes by name"),
        pytest.param("500MB", 500_000_000, id="megabytes count by 1000"),
        pytest.param("1.5 GB", 1_500_000_000, id="a fraction, with a space"),
        pytest.param("4GiB", 4 << 30, id="gibibytes count by 1024"),
        pytest.param(" 2kB ", 2000, id="space around"),
        pytest.param("1TB", 10**12, id="a whole disk"),
    ],
)
def test_amounts(given: Any, bytes_: int) -> None:
    assert make_params(Params, {"x": given}, "").x == bytes_


@pytest.mark.parametrize(
    "given",
    [-1, 1.5, True, "500", "5 books", "500mb", "-1MB", None, "1e3MB"],
    ids=["negative", "half a byte", "true", "text", "books", "millibits", "minus", "nothing", "exponent"],
)
def test_what_is_no_amount(given: Any) -> None:
    with pytest.raises(ParamError, match=r"expected an amount of data \(bytes, or 500MB, 2GB, 4GiB\)"):
        make_params(Params, {"x": given}, "")


def test_bounds_and_schema() -> None:
    with pytest.raises(ParamError):
        make_params(Params, {"x": 1, "y": "0.5kB"}, "")
    number, text = params_schema(Params)["properties"]["y"]["anyOf"]
    assert number == {"type": "integer", "minimum": 1000}
    assert text["type"] == "string"
