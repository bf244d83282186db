"""Plain scalars, against the tables of the YAML 1.2 specification (section 10.3, the core schema)."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vidstream.config.scalars import resolve

#: examples 10.8 and 10.9 of the specification, and the words that YAML 1.1 read otherwise
SPECIFIED = [
    ("null", None), ("Null", None), ("NULL", None), ("~", None), ("", None), ("nULL", "nULL"),
    ("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False),
    ("tRUE", "tRUE"), ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("n", "n"),
    ("0", 0), ("0o7", 7), ("0x3A", 58), ("-19", -19), ("+12", 12), ("007", 7),
    ("-0o7", "-0o7"), ("-0x1", "-0x1"),
    ("0.", 0.0), ("-0.0", -0.0), (".5", 0.5), ("+12e03", 12000.0), ("-2E+05", -200000.0), ("1e-3", 0.001),
    (".inf", math.inf), ("-.Inf", -math.inf), ("+.INF", math.inf), ("inf", "inf"), ("nan", "nan"), (".", "."),
    ("22:30", "22:30"), ("190:20:30", "190:20:30"), ("1_000", "1_000"), ("0b11", "0b11"),
    ("2001-12-14", "2001-12-14"),
    ("1e", "1e"), ("e1", "e1"), ("1.2.3", "1.2.3"), ("0o8", "0o8"), ("0xg", "0xg"), ("\u0663", "\u0663"),
    ("=", "="), ("<<", "<<"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), SPECIFIED, ids=[repr(text) for text, _ in SPECIFIED])
def test_the_core_schema(text: str, value: Any) -> None:
    read = resolve(text)
    assert read == value
    assert type(read) is type(value)


def test_not_a_number() -> None:
    assert all(math.isnan(resolve(text)) for text in (".nan", ".NaN", ".NAN"))  # type: ignore[arg-type]  # a float


@given(st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_as_python_prints_it_is_that_number(number: float) -> None:
    assert resolve(repr(number)) == number


@given(st.text(max_size=8))
def test_what_is_no_scalar_of_the_schema_stays_as_it_is(text: str) -> None:
    read = resolve(text)
    assert read == text or not isinstance(read, str)


@given(st.integers(-(10**9), 10**9) | st.sampled_from(["null", "~", "true", "false"]))
def test_where_both_versions_agree_another_reader_agrees(value: Any) -> None:
    assert resolve(str(value)) == yaml.safe_load(str(value))
