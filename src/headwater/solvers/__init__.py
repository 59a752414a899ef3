"""Solvers, one file per family."""

from headwater.solvers.base import Solver
from headwater.solvers.beamformer import LCMV
from headwater.solvers.dipole import DipoleScan
from headwater.solvers.eloreta import ELORETA
from headwater.solvers.group_lasso import GroupLasso
from headwater.solvers.kalman import STKF
from headwater.solvers.laura import LAURA
from headwater.solvers.loreta import LORETA
from headwater.solvers.minimum_norm import DSPM, SLORETA, MinimumNorm, WeightedMinimumNorm
from headwater.solvers.mixed_norm import IRMxNE, MxNE
from headwater.solvers.moore_penrose import MoorePenrose
from headwater.solvers.music import MUSIC, RAPMUSIC
from headwater.solvers.random_control import Random
from headwater.solvers.regional_kalman import RSTKF
from headwater.solvers.regularization.chosen import chosen
from headwater.solvers.regularization.rules import GCV, Discrepancy, LCurve, MarginalLikelihood
from headwater.solvers.sam import SAM
from headwater.solvers.sparse_bayes import Champagne, GammaMap
from headwater.solvers.tuning import Tuned, tuned

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
    "sam": SAM,
    "music": MUSIC,
    "rap-music": RAPMUSIC,
    "dipole-scan": DipoleScan,
    "champagne": Champagne,
    "gamma-map": GammaMap,
    "stkf": STKF,
    "rstkf": RSTKF,
    "random": Random,
    "group-lasso": GroupLasso,
    "mxne": MxNE,
    "irmxne": IRMxNE,
}

__all__ = [
    "DSPM",
    "ELORETA",
    "GCV",
    "LAURA",
    "LCMV",
    "LORETA",
    "MUSIC",
    "RAPMUSIC",
    "RSTKF",
    "SAM",
    "SLORETA",
    "SOLVERS",
    "STKF",
    "Champagne",
    "DipoleScan",
    "Discrepancy",
    "GammaMap",
    "GroupLasso",
    "IRMxNE",
    "LCurve",
    "MarginalLikelihood",
    "MinimumNorm",
    "MoorePenrose",
    "MxNE",
    "Random",
    "Solver",
    "Tuned",
    "WeightedMinimumNorm",
    "chosen",
    "tuned",
]
