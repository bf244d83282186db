"""YAML text to nodes: PyYAML's pure-Python events, our own construction, hard limits on the way.

The C parser is not used: it overflows the stack on deep nesting.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)
from yaml.reader import ReaderError

from vidstream.config.nodes import MAX_DEPTH, MAX_NODES, Fields, Items, Key, Leaf, Node, Place, moved
from vidstream.config.problems import Faults
from vidstream.config.scalars import resolve
from vidstream.config.syntax import explained, place_of
from vidstream.errors import ConfigError
from vidstream.graph.kinds import ValuePath

#: the parser's own idea of a line break
_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_CORE: Final = "tag:yaml.org,2002:"
_TAGS: Final = ("!!str", "!!int", "!!float", "!!bool", "!!null", "!!seq", "!!map")


def compose(text: str, file: str, faults: Faults) -> Node | None:
    """The value a text stands for, or None for an empty text.

    Keys that are given twice are noted in `faults`. Raises ConfigError for a fault of syntax, or a limit
    that is exceeded: then nothing can be said of the rest.
    """
    return _Composer(text, file, faults).compose()


class _Composer:
    def __init__(self, text: str, file: str, faults: Faults) -> None:
        self.text = text
        self.file = file
        self.lines = _BREAK.split(text)
        self.faults = faults
        self.anchors: dict[str, Node | None] = {}
        self.count = 0

    def compose(self) -> Node | None:
        try:
            self.loader = yaml.SafeLoader(self.text)
            return self._document()
        except ReaderError as error:
            self._refuse(*self._unreadable(error.position), fix="is this a text file? take it away")
        except yaml.MarkedYAMLError as error:
            advice, place = explained(error, self.file, self.lines)
            self._refuse(advice.what, place, fix=advice.fix)
        except ConfigError:
            raise
        except (ValueError, OverflowError):  # "\UFFFFFFFF" and the like: chr() of what is no character
            place = place_of(self.file, self.lines, self.loader.get_mark())
            self._refuse("a character's number is too large", place)

    def _refuse(self, what: str, place: Place, path: ValuePath = (), *, fix: str = "") -> NoReturn:
        """Give up: what follows cannot be trusted."""
        fatal = Faults()
        fatal.add(what, place, path, fix=fix)
        raise ConfigError(fatal.found)

    def _unreadable(self, position: int) -> tuple[str, Place]:
        before = _BREAK.split(self.text[:position])
        place = Place(self.file, len(before), len(before[-1]) + 1, 1, self.lines[len(before) - 1])
        return f"the character U+{ord(self.text[position]):04X} cannot stand in YAML", place

    def _next(self) -> Event:
        event: Event = self.loader.get_event()  # type: ignore[no-untyped-call]  # the stubs leave it out
        return event

    def _document(self) -> Node | None:
        self._next()  # start of the stream
        if isinstance(self._next(), StreamEndEvent):
            return None
        node = self._node(self._next(), (), 0)
        self._next()  # end of the document
        after = self._next()
        if isinstance(after, DocumentStartEvent):
            self._refuse("a second document begins", self._place(after), fix="put it in a file of its own")
        return node

    def _place(self, event: Event, last: Event | None = None) -> Place:
        start, end = event.start_mark, (last or event).end_mark
        return Place(self.file) if start is None else place_of(self.file, self.lines, start, end)

    def _node(self, event: Event, path: ValuePath, depth: int) -> Node:
        self.count += 1
        if self.count > MAX_NODES:
            self._refuse(f"more than {MAX_NODES} values", self._place(event), fix="split the file")
        if isinstance(event, AliasEvent):
            return self._alias(event, path)
        assert isinstance(event, ScalarEvent | CollectionStartEvent)
        anchor: str | None = event.anchor
        if anchor is not None:
            self.anchors[anchor] = None
        node: Node
        if isinstance(event, ScalarEvent):
            node = self._scalar(event, path)
        else:
            node = self._collection(event, path, depth + 1)
        if anchor is not None:
            self.anchors[anchor] = node
        return node

    def _alias(self, event: AliasEvent, path: ValuePath) -> Node:
        name = str(event.anchor)
        node = self.anchors.get(name)
        if node is None:
            inside = name in self.anchors
            what = f"*{name} stands inside its own anchor" if inside else f"there is no &{name} before it"
            self._refuse(what, self._place(event), path, fix="put a text that begins with * in quotes")
        return moved(node, self._place(event))

    def _scalar(self, event: ScalarEvent, path: ValuePath) -> Leaf:
        place = self._place(event)
        try:  # JSON writes characters beyond U+FFFF as pairs of escapes
            text = event.value.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._refuse("half of a surrogate pair is no character", place, path)
        if event.tag in (None, "!", f"{_CORE}str"):
            is_plain = event.tag is None and event.style is None
            return Leaf(resolve(text) if is_plain else text, place, text)
        value = resolve(text)
        names = {bool: "bool", int: "int", float: "float", type(None): "null"}
        if event.tag != _CORE + names.get(type(value), "str"):
            self._refuse_tag(event.tag, place, path)
        return Leaf(value, place, text)

    def _refuse_tag(self, tag: str, place: Place, path: ValuePath) -> None:
        shown = tag.replace(_CORE, "!!")
        fault = "does not fit" if shown in _TAGS else "is not allowed"
        self._refuse(f"the tag {shown} {fault}", place, path, fix="take it away")

    def _collection(self, event: CollectionStartEvent, path: ValuePath, depth: int) -> Items | Fields:
        is_map = isinstance(event, MappingStartEvent)
        if event.tag not in (None, "!", _CORE + ("map" if is_map else "seq")):
            self._refuse_tag(event.tag, self._place(event), path)
        if depth > MAX_DEPTH:
            self._refuse(f"nested deeper than {MAX_DEPTH} levels", self._place(event), path)
        node = self._fields(event, path, depth) if is_map else self._items(event, path, depth)
        if node.size > MAX_NODES or node.depth > MAX_DEPTH:
            what = f"its aliases expand to more than {MAX_NODES} values or {MAX_DEPTH} levels"
            self._refuse(what, node.place, path, fix="use fewer aliases")
        return node

    def _items(self, start: Event, path: ValuePath, depth: int) -> Items:
        children: list[Node] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            children.append(self._node(event, (*path, len(children)), depth))
        return Items(children, self._place(start, event))

    def _fields(self, start: Event, path: ValuePath, depth: int) -> Fields:
        fields: dict[Key, Node] = {}
        keys: dict[Key, Place] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            key, at = self._key(event, path)
            node = self._node(self._next(), (*path, key), depth)
            if key in fields:
                first = f"the first is in line {keys[key].line}"
                self.faults.add("is given twice", at, (*path, key), fix=first)
                continue
            fields[key], keys[key] = node, at
        return Fields(fields, keys, self._place(start, event))

    def _key(self, event: Event, path: ValuePath) -> tuple[Key, Place]:
        place = self._place(event)
        if not isinstance(event, ScalarEvent):
            self._refuse("a key must be a single word", place, path)
        value = self._scalar(event, path).value
        if event.value == "<<" and event.style is None:
            self._refuse("merge keys (<<) are not read", place, path, fix="use vars: or include:")
        if isinstance(value, bool) or not isinstance(value, str | int):
            self._refuse(f"'{event.value}' is no name", place, path, fix="put it in quotes")
        return value, place
