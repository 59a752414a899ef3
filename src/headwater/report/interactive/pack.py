"""Arrays of a page as one compressed block of text."""

from __future__ import annotations

import base64
import gzip

import numpy as np
from scipy import sparse

Reference = dict[str, object]
LARGEST_INT16 = 32767
WEIGHTS = 255  # mixing weights are stored in so many steps
LEAST_WEIGHT = 5  # of these; smaller weights are left out


class Pack:
    """Collects arrays; `add` returns a reference that the page resolves to a typed array."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, array: np.ndarray) -> Reference:
        """Append an array of uint8, int16, uint16, uint32 or float32 as it is, little-endian."""
        array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        padding = -self._size % 8  # typed arrays of JavaScript begin at multiples of their item size
        self._parts += [bytes(padding), array.tobytes()]
        reference: Reference = {"type": array.dtype.name, "shape": list(array.shape), "at": self._size + padding}
        self._size += padding + array.nbytes
        return reference

    def scaled(self, array: np.ndarray) -> Reference:
        """Append numbers as int16 with a common scale; values that are not finite become 0."""
        array = np.nan_to_num(array, posinf=0.0, neginf=0.0)
        scale = float(np.abs(array).max(initial=0.0)) / LARGEST_INT16 or 1.0
        return {"values": self.add(np.round(array / scale).astype(np.int16)), "scale": scale}

    def frames(self, array: np.ndarray) -> Reference:
        """Append magnitudes of shape (n, n_frames), frame by frame, as uint8 with a scale for each frame."""
        largest = array.max(axis=0)
        share = array / np.where(largest > 0, largest, 1)
        return {
            "values": self.add(np.round(255 * share.T).astype(np.uint8)),
            "largest": self.add(largest.astype(np.float32)),
        }

    def mixing(self, matrix: sparse.csr_array) -> Reference:
        """Append a matrix whose rows are weighted means, without its smallest weights.

        The page divides each row by the sum of its weights.
        """
        matrix = sparse.csr_array(matrix)
        matrix.data = np.round(WEIGHTS * matrix.data)
        matrix.data[matrix.data < LEAST_WEIGHT] = 0
        matrix.eliminate_zeros()
        kind = np.uint16 if matrix.shape[1] <= np.iinfo(np.uint16).max else np.uint32
        return {
            "starts": self.add(matrix.indptr.astype(np.uint32)),
            "columns": self.add(matrix.indices.astype(kind)),
            "weights": self.add(matrix.data.astype(np.uint8)),
        }

    def text(self) -> str:
        """Everything added so far: gzip, then base64."""
        return base64.b64encode(gzip.compress(b"".join(self._parts), 9, mtime=0)).decode("ascii")
