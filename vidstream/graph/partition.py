"""Cutting the chain of stages into segments, so that the time per frame is that of the slowest one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from vidstream.graph.node import Node

#: rough costs for deciding where to merge: detectors above encoders above everything else
_HEAVY, _ENCODER, _LIGHT = 10.0, 5.0, 0.1


def partition(nodes: Sequence[Node], threads: int | Literal["auto"]) -> list[list[Node]]:
    """Groups of neighbouring nodes, one thread each (the source's own thread comes on top).

    A heavy stage gets a group to itself, light ones between them share one. Where fewer threads are
    allowed, the cheapest neighbours are merged. A stage with `workers` always stands alone.
    """
    groups: list[list[Node]] = []
    for node in _encoders_last(nodes):
        if groups and not (_alone(node) or _alone(groups[-1][-1])):
            groups[-1].append(node)
        else:
            groups.append([node])
    if threads == "auto":
        return groups
    while len(groups) > max(1, threads - 1):
        pairs = [
            (_cost(a) + _cost(b), i)
            for i, (a, b) in enumerate(pairwise(groups))
            if not any(n.entry.workers > 1 for n in (*a, *b))
        ]
        if not pairs:
            break
        _, first = min(pairs)
        groups[first : first + 2] = [groups[first] + groups[first + 1]]
    return groups


def _encoders_last(nodes: Sequence[Node]) -> list[Node]:
    """Heavy sinks behind all else: nothing waits for them, and the light sinks join the light stages."""
    heavy_sinks = [n for n in nodes if n.traits.heavy and n.traits.sink and not n.outputs]
    return [n for n in nodes if n not in heavy_sinks] + heavy_sinks


def _alone(node: Node) -> bool:
    return node.traits.heavy or node.entry.workers > 1


def _cost(group: Sequence[Node]) -> float:
    return sum(_LIGHT if not n.traits.heavy else _ENCODER if n.traits.sink else _HEAVY for n in group)
