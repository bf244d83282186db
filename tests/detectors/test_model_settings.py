"""Where the user's registries are: what pip and npm were told, read without running either."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from detectors.catalogue.settings import certificates, npm_registry, pypi_indexes

PYPI, NPM = "https://pypi.org/simple/", "https://registry.npmjs.org/"


@pytest.fixture
def home(monkeypatch, tmp_path) -> Path:
    """A user who has told nothing yet."""
    for name in list(os.environ):
        if name.upper().startswith(("PIP_", "NPM_CONFIG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setattr("detectors.catalogue.settings._MACHINE_FILES", ())
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_public_registries_by_default(home):
    assert pypi_indexes() == (PYPI,)
    assert npm_registry("thing") == npm_registry("@scope/thing") == NPM
    assert certificates() == ""


def test_the_environment_names_indexes(home, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://mine.org/simple")
    monkeypatch.setenv(
        "PIP_EXTRA_INDEX_URL", "https://a.org/x/ file:///mirror/simple https://mine.org/simple/"
    )
    assert pypi_indexes() == ("https://mine.org/simple/", "https://a.org/x/", "file:///mirror/simple/")


@pytest.mark.parametrize("place", [".config/pip/pip.conf", ".pip/pip.conf", "venv/pip.conf"])
def test_pips_files_name_indexes(home, place):
    write(
        home / place,
        "[global]\nindex-url = https://mine.org/simple\nextra-index-url =\n  https://a.org/\n  https://b.org/\n",
    )
    assert pypi_indexes() == ("https://mine.org/simple/", "https://a.org/", "https://b.org/")


def test_what_is_nearer_wins(home, monkeypatch):
    write(home / ".config/pip/pip.conf", "[global]\nindex-url = https://user.org/\n")
    write(
        home / "venv/pip.conf",
        "[global]\nindex-url = https://venv.org/\n[install]\nindex-url = https://install.org/\n",
    )
    assert pypi_indexes() == ("https://install.org/",)
    write(home / "named.conf", "[global]\nindex-url = https://named.org/\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(home / "named.conf"))
    assert pypi_indexes() == ("https://named.org/",)
    monkeypatch.setenv("PIP_INDEX_URL", "https://environment.org/")
    assert pypi_indexes() == ("https://environment.org/",)


def test_no_files_where_pip_is_told_to_read_none(home, monkeypatch):
    write(home / ".config/pip/pip.conf", "[global]\nindex-url = https://user.org/\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert pypi_indexes() == (PYPI,)


@pytest.mark.parametrize("text", ["no section", "[global\n", "[global]\nindex-url = %(x)s %", "\0"])
def test_a_broken_file_stops_nothing(home, text):
    write(home / ".config/pip/pip.conf", text)
    assert pypi_indexes()[-1].endswith("/")


def test_certificates_given_to_pip(home, monkeypatch):
    write(home / "own.pem", "")
    monkeypatch.setenv("PIP_CERT", str(home / "own.pem"))
    assert certificates() == str(home / "own.pem")
    monkeypatch.setenv("PIP_CERT", str(home / "none.pem"))
    assert certificates() == ""


def test_npms_file_names_registries(home):
    write(
        home / ".npmrc", '; mine\nregistry = "https://mine.org/npm"\n@scope:registry=https://scope.org/npm/\n'
    )
    assert npm_registry("thing") == "https://mine.org/npm/"
    assert npm_registry("@scope/thing") == "https://scope.org/npm/"
    assert npm_registry("@other/thing") == "https://mine.org/npm/"


@pytest.mark.parametrize("name", ["npm_config_registry", "NPM_CONFIG_REGISTRY"])
def test_the_environment_names_npms_registry(home, monkeypatch, name):
    write(home / ".npmrc", "registry=https://mine.org/npm\n")
    monkeypatch.setenv(name, "https://environment.org/npm")
    assert npm_registry("thing") == "https://environment.org/npm/"
