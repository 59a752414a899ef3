"""What the metrics of the benchmark say, in a sentence for readers who do not know their equations."""

from headwater.metrics.table import METRICS

_FIRST = "Share of the brain that the map shows as stronger than the centre of"

MEANINGS = {
    "nemd_fast": "How far activity must be moved to become the true one; 1: as far as from activity spread evenly.",
    "nmse": "Power of the error of the currents over the power of the currents; 1: as bad as an estimate of zeros.",
    "weighted_cosine_distance": "How wrong the directions of the currents are; 0: right, 1: perpendicular.",
    "localization_error": "Distance from the strongest estimated source to the strongest true one.",
    "fraction_active": "Share of the active sources among as many of the strongest estimated ones.",
    "auc_close": "Probability that an active source outranks an inactive one in its neighbourhood; 0.5: chance.",
    "auc_far": "Probability that an active source outranks an inactive one far away; 0.5: chance.",
    "peak_activity_spread": "How widely the strongest estimated sources lie around the peak; best as in the truth.",
    "distance_rank_1": f"{_FIRST} the first patch.",
    "distance_rank_2": f"{_FIRST} the second patch.",
    "distance_rank_3": f"{_FIRST} the third patch.",
    "distance_rank_least": f"{_FIRST} the patch that it shows worst.",
}


def meaning(metric: str) -> str:
    """Say what a metric of the package tells; its equation where nobody has put it into words."""
    return MEANINGS.get(metric, f"{METRICS[metric].equation}.")
