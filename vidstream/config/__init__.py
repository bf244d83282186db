"""YAML text to a checked description: marks, substitution, includes, errors."""

from vidstream.config.builder import Loaded
from vidstream.config.load import build, files_of, load, loads
from vidstream.config.origins import explain
from vidstream.config.schemas import schema

__all__ = ["Loaded", "build", "explain", "files_of", "load", "loads", "schema"]
