"""26-connected components of a few voxels in a large volume.

Works on the list of foreground voxels, because the masks here are sparse: a labelled copy of a whole chest CT
would take 400 MB.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components as components_of_graph

_FORWARD = [offset for offset in itertools.product((-1, 0, 1), repeat=3) if offset > (0, 0, 0)]
"""One of each pair of opposite neighbours."""


def raster_voxels(mask: NDArray) -> NDArray[np.int64]:
    """Indices (n, 3) of the non-zero voxels, x slowest and z fastest.

    Args:
        mask: (x, y, z) of any memory order; the usual one, x fastest in memory, is read without a copy.
    """
    z, y, x = np.nonzero(mask.T)
    order = np.lexsort((z, y, x))
    return np.stack([x[order], y[order], z[order]], axis=1)


def connected_components(voxels: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """The component of each voxel, (n,), numbered from 0 by the first voxel in raster order.

    Args:
        voxels: (n, 3) as `raster_voxels` returns them, or a part of them in the same order.
        shape: of the volume.
    """
    # A margin of one voxel keeps neighbours from wrapping around to the next row.
    steps = np.array([(shape[1] + 2) * (shape[2] + 2), shape[2] + 2, 1])
    keys = (voxels + 1) @ steps
    starts, ends = [], []
    for offset in _FORWARD:
        wanted = keys + np.dot(offset, steps)
        place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        found = np.flatnonzero(keys[place] == wanted) if len(keys) else np.empty(0, dtype=np.int64)
        starts.append(found)
        ends.append(place[found])
    rows, columns = np.concatenate(starts), np.concatenate(ends)
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(len(keys), len(keys)))
    _, labels = components_of_graph(graph, directed=False)
    _, first, label = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[label]
