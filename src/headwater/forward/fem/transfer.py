"""Transfer matrices: what one sensor sees of a current at every node, solved once per sensor and kept on disk.

A sensor is a linear functional of the potential, ``y = s . u`` with ``K u = b``; with ``t = K^+ s`` it sees ``t . b``
of any load b (Weinstein, Zhukov and Johnson 2000, Ann. Biomed. Eng. 28, 1059; Gencer and Acar 2004 for MEG).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from headwater._utils.cache import keep_arrays, stored_arrays
from headwater._utils.progress import progress_bar
from headwater.forward.fem.multigrid import Multigrid

BLOCK = 16  # sensors solved together; an interruption costs at most this many
CACHE = "fem"


def transfer_matrix(
    matrix: Callable[[], sparse.csr_array],
    loads: Callable[[list[int]], np.ndarray],
    keys: Sequence[str],
    nodes: np.ndarray,
) -> np.ndarray:
    """Solve for the sensors that are not on disk yet.

    Parameters
    ----------
    matrix : callable
        Assembles the stiffness matrix, if it is needed.
    loads : callable
        From numbers of sensors to their functionals, shape (n_nodes, n_sensors); each sums to zero.
    keys : sequence of str
        Hash of everything that each sensor's row depends on.
    nodes : int array of shape (n_kept,)
        Nodes at which the rows are kept.

    Returns
    -------
    rows : array of shape (n_sensors, n_kept)
        In single precision, which rounds by 6e-8.
    """
    shapes = {"row": (len(nodes),)}
    rows = np.empty((len(keys), len(nodes)), np.float32)
    missing = []
    for sensor, key in enumerate(keys):
        found = stored_arrays(CACHE, key, shapes=shapes)
        if found is None:
            missing.append(sensor)
        else:
            rows[sensor] = found["row"]
    if not missing:
        return rows
    with progress_bar() as bar:
        task = bar.add_task("Finite elements", total=len(keys), completed=len(keys) - len(missing))
        solver = Multigrid(matrix())
        for start in range(0, len(missing), BLOCK):
            some = missing[start : start + BLOCK]
            rows[some] = solver.solve(loads(some))[nodes].T
            for sensor in some:
                keep_arrays(CACHE, keys[sensor], {"row": rows[sensor]})
            bar.advance(task, len(some))
    return rows
