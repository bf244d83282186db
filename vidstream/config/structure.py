"""The outermost shape of a description: sections, version, ids."""

from __future__ import annotations

import re
from typing import Final

from vidstream.config.keys import SOURCE_NAME, STAGE_ID
from vidstream.config.nodes import Fields, Leaf, Node, Place
from vidstream.config.problems import Faults
from vidstream.errors import did_you_mean
from vidstream.graph.description import SOURCE_ID
from vidstream.graph.kinds import shown

VERSION: Final = 1
VARIABLE: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)

#: section -> what it is for; also the schema's descriptions
SECTIONS: Final = {
    "version": "the version of this format; needed with 'sources'",
    "include": "files to read first, relative to this one; what stands here wins",
    "vars": "values to refer to as ${name}",
    "run": "how to run",
    "source": "the source, where there is one",
    "sources": "several sources by name",
    "graph": "the stages by id, in order",
}

_IDS: Final = {
    "graph": (STAGE_ID, "an id is a small letter, then small letters, digits or _"),
    "sources": (SOURCE_NAME, "a name is a letter, then letters, digits, _ or -"),
    "vars": (VARIABLE, "a variable is a letter, then letters, digits or _"),
}


def section(tree: Fields, name: str) -> Fields:
    """A section that is a mapping; an empty one where it is missing or is something else."""
    node = tree.fields.get(name)
    return node if isinstance(node, Fields) else Fields({}, {}, tree.place)


def check_structure(tree: Fields, main: str, faults: Faults) -> None:
    """Note what is wrong with the sections themselves."""
    for key in tree.fields:
        if key not in SECTIONS:
            hint = did_you_mean(key, list(SECTIONS)) or f"there are {', '.join(SECTIONS)}"
            faults.add("unknown section", tree.keys[key], (key,), fix=hint)
    _check_version(tree, faults)
    for name in _IDS:
        if name in tree.fields:
            _check_ids(name, tree.fields[name], faults)
    if {"source", "sources"} <= tree.fields.keys():
        what = "'source' and 'sources' are both given"
        faults.add(what, tree.keys["sources"], ("sources",), fix="keep one of them")
    if "graph" not in tree.fields:
        if any(did_you_mean(key, ["graph"]) for key in tree.fields if key not in SECTIONS):
            return
        faults.add(
            "there is no graph", Place(main), fix="add 'graph:' with stages, e.g. 'move: detect.motion'"
        )
    for name, noun in (("graph", "stage"), ("sources", "source")):
        if isinstance(node := tree.fields.get(name), Fields) and not node.fields:
            faults.add("it is empty", tree.keys[name], (name,), fix=f"add a {noun}")


def _check_version(tree: Fields, faults: Faults) -> None:
    node = tree.fields.get("version")
    if node is None:
        if "sources" in tree.fields:
            place, fix = tree.keys["sources"], f"write 'version: {VERSION}' at the top"
            faults.add("'version' is missing", place, fix=fix)
    elif not isinstance(node, Leaf) or node.value != VERSION or isinstance(node.value, bool):
        got = shown(node.value) if isinstance(node, Leaf) else "something else"
        fix = f"write 'version: {VERSION}'"
        faults.add(f"this program reads version {VERSION}, got {got}", node.place, ("version",), fix=fix)


def _check_ids(name: str, node: Node, faults: Faults) -> None:
    if not isinstance(node, Fields):
        if name != "vars" or not isinstance(node, Leaf) or node.value is not None:
            faults.add("expected a mapping", node.place, (name,), fix=f"{SECTIONS[name]}, indented below it")
        return
    pattern, rule = _IDS[name]
    for key in node.fields:
        if not isinstance(key, str) or not pattern.fullmatch(key):
            faults.add(f"'{key}' cannot be a name here", node.keys[key], (name, key), fix=rule)
        elif key == SOURCE_ID and name != "sources":
            what = f"'{key}' already stands for the source"
            faults.add(what, node.keys[key], (name, key), fix="choose another name")
