"""Global data association: tracklets chained into trajectories at the least total cost."""

from __future__ import annotations

import numpy as np

from trackers.assignment import Rows
from vidstream.geometry import Float64
from vidstream.types import Ids


def cheapest_chains(count: int, before: Rows, after: Rows, gains: Float64) -> Ids:
    """(count,) the successor of each of `count` tracklets, -1 where its trajectory ends.

    Link k says that tracklet ``before[k]`` may go on as ``after[k]``, and is ``gains[k] > 0`` cheaper than an
    exit and an entry. Links lead forward in time, so there are no circles; then min-cost flow through
    tracklets of capacity one (Zhang, Li and Nevatia 2008, eq. 9-10), all of which are kept, is a path cover,
    and that an assignment of ends to starts: the optimum, found without a flow.
    Independent groups of tracklets are solved apart, which bounds the matrices.
    """
    successor = np.full(count, -1)
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(gains):
        return successor
    graph = coo_array((np.ones(len(gains), np.int8), (before, after + count)), shape=(2 * count, 2 * count))
    _, group = connected_components(graph, directed=False)
    order = np.argsort(group[before], kind="stable")
    edges = np.flatnonzero(np.diff(group[before][order], prepend=-1, append=-1))
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        links = order[start:end]
        ends, rows = np.unique(before[links], return_inverse=True)
        heads, cols = np.unique(after[links], return_inverse=True)
        matrix = np.zeros((len(ends), len(heads)))
        matrix[rows, cols] = gains[links]
        rows, cols = linear_sum_assignment(matrix, maximize=True)
        real = matrix[rows, cols] > 0
        successor[ends[rows[real]]] = heads[cols[real]]
    return successor
