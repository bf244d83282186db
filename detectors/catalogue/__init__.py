"""Models: what is known of each, where its files are, and how to get them."""

from detectors.catalogue.card import Card, InputSpec, ModelFile, Task
from detectors.catalogue.fetch import fetch
from detectors.catalogue.store import Entry, add, cache_folder, card, entries, entry, find, load, verify

__all__ = [
    "Card",
    "Entry",
    "InputSpec",
    "ModelFile",
    "Task",
    "add",
    "cache_folder",
    "card",
    "entries",
    "entry",
    "fetch",
    "find",
    "load",
    "verify",
]
