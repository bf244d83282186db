"""Models: what is known of each, where its file is, and how to get it."""

from detectors.catalogue.card import Card, InputSpec
from detectors.catalogue.fetch import fetch
from detectors.catalogue.store import Entry, add, cache_folder, card, entries, find, load, verify

__all__ = [
    "Card",
    "Entry",
    "InputSpec",
    "add",
    "cache_folder",
    "card",
    "entries",
    "fetch",
    "find",
    "load",
    "verify",
]
