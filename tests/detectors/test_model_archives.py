"""Archives and index pages that are damaged, or made to do damage, end in an error that a person can read."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.catalogue.archives import find_in_zip, from_tar, unpacked
from detectors.catalogue.listings import listed_in_html, listed_in_json
from detectors.catalogue.places import InPackage
from tests.support.registry import tar, wheel
from vidstream.errors import ModelError

DATA = np.random.default_rng(0).bytes(3000)
MEMBERS = {"a/other": b"1" * 5000, "a/m.onnx": DATA}
ZIP, TAR = wheel(MEMBERS), gzip.decompress(tar(MEMBERS))
JSON = json.dumps(
    {"files": [{"filename": "a-1.tar.gz", "url": "../a", "hashes": {"sha256": "0" * 64}, "size": 3}]}
).encode()

#: what `fetch` tells of a place, and then tries the next
KNOWN = (ModelError, OSError, tarfile.TarError, zlib.error, EOFError)

#: where, counted from the end or the start, which byte is put there, and what is cut off
changes = st.lists(st.tuples(st.integers(-300, 1500), st.integers(0, 255)), min_size=1, max_size=6)
cuts = st.one_of(st.none(), st.integers(0, 1000))


def damaged(data: bytes, changed: list[tuple[int, int]], cut: int | None) -> bytes:
    whole = bytearray(data)
    for at, byte in changed:
        whole[at % len(whole)] = byte
    return bytes(whole[: len(whole) - cut] if cut else whole)


@given(changes, cuts)
@settings(max_examples=300, deadline=None)
def test_a_damaged_zip(changed, cut):
    archive = io.BytesIO(damaged(ZIP, changed, cut))
    with suppress(*KNOWN):
        packed = find_in_zip(archive, "a/m.onnx")
        archive.seek(packed.start)
        for piece in unpacked(archive, packed.length, deflated=packed.deflated):
            assert len(piece) <= 1 << 18


@given(changes, cuts)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_tar(tmp_path, changed, cut):
    path = tmp_path / "a.tgz"
    path.write_bytes(gzip.compress(damaged(TAR, changed, cut), 1))
    with suppress(*KNOWN):
        assert len(b"".join(from_tar(path, "a/m.onnx"))) <= len(TAR)


@given(changes)
@settings(max_examples=200, deadline=None)
def test_a_damaged_index_page(changed):
    page = damaged(JSON, changed, None)
    list(listed_in_html(page, "https://host/"))
    with suppress(ModelError):
        listed_in_json(page, "https://host/")


@pytest.mark.parametrize(
    "page",
    [
        pytest.param({}, id="no files"),
        pytest.param({"files": None}, id="nothing for files"),
        pytest.param({"files": [3]}, id="a number for a file"),
        pytest.param({"files": [{}]}, id="a file without a name"),
        pytest.param({"files": [{"filename": "a", "url": "b", "size": "large"}]}, id="a size in words"),
        pytest.param({"files": [{"filename": "a", "url": "b", "hashes": 3}]}, id="a number for hashes"),
        pytest.param([], id="a list"),
    ],
)
def test_an_index_page_of_another_form(page):
    with pytest.raises(ModelError, match="host answered with other JSON"):
        listed_in_json(json.dumps(page).encode(), "https://host/")


def test_links_that_are_no_addresses_are_passed_over():
    page = b'<base href="http://[x"><a href="http://[y"></a><a></a><a href="a-1.whl#sha256=0A">a</a>'
    (found,) = listed_in_html(page, "https://host/simple/")
    assert found == ("a-1.whl", "https://host/simple/a-1.whl", ("sha256", "0a"), 0)


def test_deep_json_is_no_trap():
    with pytest.raises(ModelError, match="not JSON"):
        listed_in_json(b"[" * 200_000, "https://host/")


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
versions = st.from_regex(r"[0-9][0-9a-z.+-]{0,10}", fullmatch=True)
paths = st.from_regex(r"[A-Za-z0-9 _.@!=/-]{1,40}", fullmatch=True)


@given(names, versions, paths)
def test_a_place_in_a_package_is_read_as_it_is_written(name, version, path):
    assert InPackage.read(f"pypi:{name}=={version}!{path}") == InPackage("pypi", name, version, path)
    assert InPackage.read(f"npm:{name}@{version}!{path}") == InPackage("npm", name, version, path)
    assert InPackage.read(f"npm:@{name}/{name}@{version}!{path}") == InPackage(
        "npm", f"@{name}/{name}", version, path
    )


def test_a_member_in_the_archives_one_folder_is_found_whatever_that_is_called(tmp_path: Path):
    for top in ("package", "thing-1.2"):
        path = tmp_path / "a.tgz"
        path.write_bytes(tar({f"{top}/m.onnx": DATA}))
        assert b"".join(from_tar(path, "*/m.onnx")) == DATA
