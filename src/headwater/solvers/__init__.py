"""Inverse methods, one file a family."""

from headwater.solvers.base import Solver
from headwater.solvers.beamformer import LCMV
from headwater.solvers.eloreta import ELORETA
from headwater.solvers.laura import LAURA
from headwater.solvers.loreta import LORETA
from headwater.solvers.minimum_norm import DSPM, SLORETA, MinimumNorm, WeightedMinimumNorm
from headwater.solvers.moore_penrose import MoorePenrose

SOLVERS: dict[str, type[Solver]] = {
    "mne": MinimumNorm,
    "wmne": WeightedMinimumNorm,
    "dspm": DSPM,
    "sloreta": SLORETA,
    "eloreta": ELORETA,
    "moore-penrose": MoorePenrose,
    "lcmv": LCMV,
    "loreta": LORETA,
    "laura": LAURA,
}

__all__ = [
    "DSPM",
    "ELORETA",
    "LAURA",
    "LCMV",
    "LORETA",
    "SLORETA",
    "SOLVERS",
    "MinimumNorm",
    "MoorePenrose",
    "Solver",
    "WeightedMinimumNorm",
]
