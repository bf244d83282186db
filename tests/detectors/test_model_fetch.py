from __future__ import annotations

import io
import tarfile
import threading
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from detectors import catalogue
from detectors.catalogue import Card, InputSpec, ModelFile
from detectors.catalogue.fetch import open_https
from vidstream.errors import ModelError

DATA = bytes(range(256)) * 4000


def archive(member: str, data: bytes = DATA) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in (("package/other.txt", b"first"), (member, data)):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


PAGES = {
    "/model.onnx": DATA,
    "/short.onnx": DATA[:-1],
    "/long.onnx": DATA + b"more",
    "/changed.onnx": b"\x01" + DATA[1:],
    "/good.tgz": archive("package/model.onnx"),
    "/cut.tgz": archive("package/model.onnx")[:3000],
    "/changed.tgz": archive("package/model.onnx", b"\x01" + DATA[1:]),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
            return
        page = PAGES.get(self.path)
        self.send_response(200 if page else 404)
        # promises more than it sends, as a broken connection does
        self.send_header("Content-Length", str(len(page or b"") + (self.path == "/short.onnx")))
        self.end_headers()
        self.wfile.write(page or b"")

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def models(tmp_path, monkeypatch, server):
    """Makes a folder that knows the model `small`, to be had from the places given on the server."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    def make(*places: str) -> Path:
        base = f"http://127.0.0.1:{server.server_port}"
        card = Card(
            name="small",
            task="detect",
            family="yolox",
            files={
                "model": ModelFile(
                    "small.onnx",
                    len(DATA),
                    sha256(DATA).hexdigest(),
                    tuple(p if "://" in p and not p.startswith("/to/") else base + p for p in places),
                )
            },
            licence="none",
            input=InputSpec(32, 32),
        )
        (tmp_path / "small.card.yaml").write_text(card.to_yaml())
        return tmp_path

    return make


@pytest.mark.parametrize(
    "places",
    [
        pytest.param(["/model.onnx"], id="the file itself"),
        pytest.param(["/good.tgz#package/model.onnx"], id="a file in an archive"),
        pytest.param(["/none.onnx", "/model.onnx"], id="the second place"),
        pytest.param(
            ["/short.onnx", "/long.onnx", "/changed.onnx", "/cut.tgz#package/model.onnx", "/model.onnx"],
            id="after places that give something else",
        ),
        pytest.param(["/to//model.onnx"], id="a redirect"),
    ],
)
def test_fetches_the_model(models, places):
    folder = models(*places)
    (path,) = catalogue.fetch("small", folder)
    assert path == folder / "small.onnx"
    assert path.read_bytes() == DATA
    assert sorted(p.name for p in folder.iterdir()) == ["small.card.yaml", "small.onnx"]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        pytest.param("/none.onnx", "404", id="not there"),
        pytest.param("/short.onnx", "1023999 bytes came|IncompleteRead|expected", id="cut off"),
        pytest.param("/long.onnx", "more than the 1024000 bytes", id="too long"),
        pytest.param("/changed.onnx", "another file came", id="another file"),
        pytest.param("/changed.tgz#package/model.onnx", "another file came", id="another file packed"),
        pytest.param(
            "/good.tgz#package/none.onnx", "the archive holds no package/none.onnx", id="not packed"
        ),
        pytest.param("/cut.tgz#package/model.onnx", "cut.tgz", id="a broken archive"),
        pytest.param("/model.onnx#package/model.onnx", "model.onnx#", id="no archive"),
        pytest.param("http://example.org/model.onnx", "refused 'http'", id="no encryption"),
        pytest.param("file:///etc/hostname", "refused 'file'", id="a local file"),
        pytest.param("/to/http://example.org/model.onnx", "refused 'http'", id="redirected to no encryption"),
        pytest.param("/to/ftp://example.org/model.onnx", "refused 'ftp'", id="redirected to another scheme"),
    ],
)
def test_what_is_not_the_model_is_told_and_not_kept(models, place, words):
    folder = models(place)
    with pytest.raises(ModelError, match=words) as raised:
        catalogue.fetch("small", folder)
    assert "model 'small': could not be fetched" in str(raised.value)
    assert "put small.onnx into" in str(raised.value)
    assert [p.name for p in folder.iterdir()] == ["small.card.yaml"]


def test_every_place_is_told(models):
    with pytest.raises(ModelError) as raised:
        catalogue.fetch("small", models("/none.onnx", "/changed.onnx"))
    assert "none.onnx: HTTP Error 404" in str(raised.value)
    assert "changed.onnx: another file came" in str(raised.value)


def test_a_whole_file_is_not_fetched_again_but_a_damaged_one_is(models, server):
    folder = models("/model.onnx")
    catalogue.fetch("small", folder)
    catalogue.fetch("small", folder)
    assert server.asked == ["/model.onnx"]
    (folder / "small.onnx").write_bytes(b"damaged")
    catalogue.fetch("small", folder)
    assert (folder / "small.onnx").read_bytes() == DATA


def test_a_failed_fetch_leaves_the_old_file(models):
    folder = models("/changed.onnx")
    (folder / "small.onnx").write_bytes(b"older")
    with pytest.raises(ModelError):
        catalogue.fetch("small", folder)
    assert (folder / "small.onnx").read_bytes() == b"older"


def test_goes_to_the_cache_by_itself(models, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("VIDSTREAM_MODELS", str(models("/model.onnx")))
    assert catalogue.fetch("small") == [tmp_path / "cache/vidstream/models/small.onnx"]


def test_a_redirect_from_https_never_leads_to_an_open_connection():
    from urllib.request import Request

    from detectors.catalogue.fetch import _CheckedRedirects

    with pytest.raises(ModelError, match="from https to an open connection"):
        _CheckedRedirects().redirect_request(
            Request("https://example.org/a"), io.BytesIO(), 302, "", {}, "http://127.0.0.1/a"
        )


def test_the_opener_may_be_another_one(models):
    asked = []

    def open_url(url):
        asked.append(url)
        return io.BytesIO(DATA)

    catalogue.fetch("small", models("https://example.org/m.onnx"), open_url=open_url)
    assert asked == ["https://example.org/m.onnx"]


def test_https_only():
    with pytest.raises(ModelError, match="refused"):
        open_https("http://192.0.2.1/model.onnx")
