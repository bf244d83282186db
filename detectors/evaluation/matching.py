"""Which box found which object, by the rules of COCO.

Within a picture and a class the best box chooses first: of the objects that overlap it enough and are free,
the one it overlaps most; those that are neither right nor wrong only where no other is left. All pictures,
classes, sizes and thresholds take their n-th turn at the same time, which makes it quick.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from detectors.evaluation.objects import Found, Mask, Truth
from detectors.evaluation.rules import Rules
from vidstream.geometry import Float64
from vidstream.types import Ids


class Pairs(NamedTuple):
    """P boxes and objects that overlap on one picture."""

    #: int64 (P,) rows of what was found and what is true
    found: Ids
    truth: Ids
    #: float64 (P,) IoU; in crowds the share of the box that lies in it
    overlap: Float64


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Who found what; boxes beyond the largest limit are not among them."""

    #: int64 (D,) rows of what was found: by picture, class, and best score first
    rows: Ids
    #: int64 (D,) place among those of its class on its picture, from 0
    ranks: Ids
    #: int64 (D, A, T) row of the object found, or -1
    objects: Ids
    #: (D, A, T) True where a box is neither right nor wrong
    ignored: Mask
    #: (G, A) True where an object is neither right nor wrong
    truth_out: Mask

    @property
    def right(self) -> Mask:
        """(D, A, T)."""
        return (self.objects >= 0) & ~self.ignored

    @property
    def wrong(self) -> Mask:
        """(D, A, T)."""
        return (self.objects < 0) & ~self.ignored


def match(truth: Truth, found: Found, rules: Rules) -> Matches:
    """Match all that was found with all that is true."""
    rows, ranks = _in_turn(found, rules.limits[-1])
    mine = found[rows]
    out = rules.truth_out(truth)
    pairs = overlapping(truth, mine, float(rules.thresholds.min()))
    objects = _take_turns(pairs, ranks, out, truth.crowds, rules.thresholds)
    matched = objects >= 0
    area = np.arange(out.shape[1])[None, :, None]
    on_neutral = out[np.maximum(objects, 0), area] if len(out) else np.zeros(objects.shape, bool)
    ignored = np.where(matched, on_neutral, rules.found_out(mine)[:, :, None])
    return Matches(rows, ranks, objects, ignored, out)


def overlapping(truth: Truth, found: Found, least: float, *, any_class: bool = False) -> Pairs:
    """Every pair of one picture (and one class, unless `any_class`) that overlaps by at least `least`."""
    classes = np.zeros(1, np.int64) if any_class else np.union1d(truth.class_ids, found.class_ids)
    theirs, ours = (_group(rows, classes, any_class) for rows in (truth, found))
    order = np.argsort(theirs, kind="stable")
    first = np.searchsorted(theirs[order], ours, "left")
    count = np.searchsorted(theirs[order], ours, "right") - first
    left = np.repeat(np.arange(len(found)), count)
    within = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count)
    right = order[np.repeat(first, count) + within]
    overlap = _overlap(found.xywh[left], truth.xywh[right], truth.crowds[right])
    near = overlap >= min(least, 1 - 1e-10)
    return Pairs(left[near], right[near], overlap[near])


def _group(rows: Truth | Found, classes: Ids, any_class: bool) -> Ids:
    """(R,) a number for each picture and class."""
    if any_class:
        return rows.pictures
    group: Ids = rows.pictures * len(classes) + np.searchsorted(classes, rows.class_ids)
    return group


def _overlap(found: Float64, truth: Float64, crowds: Mask) -> Float64:
    """(P,) in the order of operations of COCO's own code, so that ties stay ties."""
    size = np.minimum(found[:, :2] + found[:, 2:], truth[:, :2] + truth[:, 2:])
    size = np.maximum(size - np.maximum(found[:, :2], truth[:, :2]), 0)
    shared = size[:, 0] * size[:, 1]
    own, other = found[:, 2] * found[:, 3], truth[:, 2] * truth[:, 3]
    union = np.where(crowds, own, own + other - shared)
    ratio: Float64 = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return ratio


def _in_turn(found: Found, limit: int) -> tuple[Ids, Ids]:
    """Rows by picture, class and falling score, and their place there; those beyond `limit` left out."""
    order = np.lexsort((-found.scores, found.class_ids, found.pictures))
    ranks = _places(np.stack([found.pictures, found.class_ids])[:, order])
    return order[ranks < limit], ranks[ranks < limit]


def _places(keys: Ids) -> Ids:
    """(N,) how many columns of (K, N) sorted keys stand before each that are equal to it."""
    place = np.arange(keys.shape[1])
    begins = np.ones(len(place), bool)
    begins[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    return place - np.maximum.accumulate(np.where(begins, place, 0))


def _take_turns(pairs: Pairs, ranks: Ids, out: Mask, crowds: Mask, thresholds: Float64) -> Ids:
    """(D, A, T) the object that each box takes, or -1; `ranks` (D,) says whose turn it is."""
    shape = (out.shape[1], len(thresholds))
    objects = np.full((len(ranks), *shape), -1, np.int64)
    taken = np.zeros((len(out), *shape), bool)
    size = len(pairs.found)
    if not size:
        return objects
    # Of two objects that a box overlaps alike, COCO's code takes the later one.
    value = np.empty(size, np.int64)
    value[np.lexsort((pairs.truth, pairs.overlap))] = np.arange(size)
    pair_of = np.argsort(value)
    enough = pairs.overlap[:, None] >= np.minimum(thresholds, 1 - 1e-10)
    for turn in _turns(ranks[pairs.found]):
        theirs = pairs.truth[turn]
        free = ~taken[theirs] | crowds[theirs, None, None]
        preferred = value[turn, None] + size * ~out[theirs]  # (P, A): first those that count
        worth = np.where(free & enough[turn, None, :], preferred[:, :, None], -1)
        starts = np.flatnonzero(np.diff(pairs.found[turn], prepend=-1))
        best = np.maximum.reduceat(worth, starts, axis=0)
        box, area, level = np.nonzero(best >= 0)
        chosen = pairs.truth[pair_of[best[box, area, level] % size]]
        objects[pairs.found[turn][starts][box], area, level] = chosen
        taken[chosen, area, level] = True
    return objects


def _turns(ranks: Ids) -> list[Ids]:
    """Pairs by turn: no two boxes that have the same turn can want the same object."""
    order = np.argsort(ranks, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(ranks[order])) + 1)
