"""The table of all metrics: what each measures, in what unit and range, and which way is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf

import numpy as np

from headwater.metrics.amplitude import correlation, cosine_score, nmse, weighted_cosine_distance
from headwater.metrics.detection import accuracy, f1, precision, recall
from headwater.metrics.extent import (
    active_volume_error,
    dispersion_from_truth,
    extent_correlation,
    spatial_dispersion,
)
from headwater.metrics.peaks import (
    assignment_error,
    centroid_localization_error,
    localization_error,
    region_localization_error,
)
from headwater.metrics.ranking import distance_rank, distance_rank_least, fraction_active, peak_activity_spread
from headwater.metrics.regions import region_f1, region_precision, region_recall
from headwater.metrics.roc import auc, auc_close, auc_far, auprc
from headwater.metrics.timecourse import time_course_correlation
from headwater.metrics.transport import earth_movers_distance, nemd


@dataclass(frozen=True)
class Metric:
    """A metric and what a reader of its values must know.

    Attributes
    ----------
    function : callable
        ``function(x_true, x_est, *, pos, ...)``, returns one value for each sample.
    unit : str
        "mm", "cm^3" or "" for a pure number.
    range : tuple of two float
        Lowest and highest possible value; inf where only the source space limits it.
    higher_is_better : bool
    equation : str
        In words and symbols; the docstring of the function has it in full.
    zeros : str
        What an estimate of zeros scores.
    paper : str
        Which of the five systems uses it (A-E), or "" for none.
    needs : tuple of str
        Keyword arguments without a default that the function needs besides ``pos``.
    """

    function: Callable[..., np.ndarray]
    unit: str
    range: tuple[float, float]
    higher_is_better: bool
    equation: str
    zeros: str
    paper: str = ""
    needs: tuple[str, ...] = ()


_DR = "(#{stronger than the centre} + #{equal} / 2) / (N - S), other centres left out"

METRICS = {
    "nmse": Metric(nmse, "", (0, inf), False, "sum |x - x^|^2 / sum |x|^2", "1", "A"),
    "nemd": Metric(nemd, "", (0, inf), False, "EMD(a, a^) / EMD(a, uniform), exact", "1", "A"),
    "nemd_fast": Metric(
        partial(nemd, n_cells=256), "", (0, inf), False, "EMD(a, a^) / EMD(a, uniform), in 256 cells", "1", "A"
    ),
    "earth_movers_distance": Metric(
        earth_movers_distance, "mm", (0, inf), False, "min_F sum F_ij |r_i - r_j|", "as spread evenly", "A"
    ),
    "weighted_cosine_distance": Metric(
        weighted_cosine_distance, "", (0, 2), False, "1 - sum a_i cos(x_i, x^_i) / sum a_i", "1", "A"
    ),
    "auc": Metric(auc, "", (0, 1), True, "P(active outranks inactive)", "0.5", "B"),
    "auc_close": Metric(auc_close, "", (0, 1), True, "AUC against the nearest inactive 20 %", "0.5", "B"),
    "auc_far": Metric(auc_far, "", (0, 1), True, "AUC against the farthest inactive 50 %", "0.5", "B"),
    "fraction_active": Metric(
        fraction_active, "", (0, 1), True, "|top_k(a^) & A| / k, k = |A|", "share of active sources", "B"
    ),
    "peak_activity_spread": Metric(
        peak_activity_spread,
        "mm",
        (0, inf),
        False,
        "mean |r_i - r_peak| over top_k(a^)",
        "mean distance of sources",
        "B",
    ),
    "distance_rank_1": Metric(distance_rank, "", (0, 1), False, _DR, "0.5", "B", ("centers",)),
    "distance_rank_2": Metric(partial(distance_rank, source=2), "", (0, 1), False, _DR, "0.5", "B", ("centers",)),
    "distance_rank_3": Metric(partial(distance_rank, source=3), "", (0, 1), False, _DR, "0.5", "B", ("centers",)),
    "distance_rank_least": Metric(distance_rank_least, "", (0, 1), False, "max_s DR_s", "0.5", "B", ("centers",)),
    "region_precision": Metric(
        region_precision, "", (0, 1), True, "TP / (TP + FP), in regions", "0", "C", ("region_ids",)
    ),
    "region_recall": Metric(region_recall, "", (0, 1), True, "TP / (TP + FN), in regions", "0", "C", ("region_ids",)),
    "region_f1": Metric(region_f1, "", (0, 1), True, "2 TP / (2 TP + FP + FN), in regions", "0", "C", ("region_ids",)),
    "dispersion_from_truth": Metric(
        dispersion_from_truth,
        "mm",
        (0, inf),
        False,
        "sqrt(sum a^_j^2 d(r_j, A)^2 / sum a^_j^2)",
        "as spread evenly",
        "C",
    ),
    "correlation": Metric(correlation, "", (-1, 1), True, "Pearson r of a and a^", "0", "C"),
    "cosine_score": Metric(cosine_score, "", (-1, 1), True, "<x, x^> / (|x| |x^|)", "0"),
    "time_course_correlation": Metric(
        time_course_correlation, "", (-1, 1), True, "sum w_i corr_t(x_i, x^_i) over active sources", "0", "C"
    ),
    "accuracy": Metric(accuracy, "", (0, 1), True, "(TP + TN) / N", "share of inactive sources", "D"),
    "precision": Metric(precision, "", (0, 1), True, "TP / (TP + FP)", "0", "D"),
    "recall": Metric(recall, "", (0, 1), True, "TP / (TP + FN)", "0", "D"),
    "f1": Metric(f1, "", (0, 1), True, "2 TP / (2 TP + FP + FN)", "0", "D"),
    "centroid_localization_error": Metric(
        centroid_localization_error, "mm", (0, inf), False, "|centroid(A) - centroid(A^)|", "as active everywhere", "D"
    ),
    "active_volume_error": Metric(
        active_volume_error, "cm^3", (0, inf), False, "V ||A^| - |A||", "true volume", "D", ("source_volume",)
    ),
    "localization_error": Metric(
        localization_error, "mm", (0, inf), False, "|r_peak - r^_peak|", "mean distance to the true peak", "E"
    ),
    "spatial_dispersion": Metric(
        spatial_dispersion,
        "mm",
        (0, inf),
        False,
        "sqrt(sum a^_j^2 |r^_peak - r_j|^2 / sum a^_j^2)",
        "as spread evenly",
        "E",
    ),
    "auprc": Metric(auprc, "", (0, 1), True, "area under precision over recall", "0", "E"),
    "extent_correlation": Metric(
        extent_correlation, "", (-1, 1), True, "Pearson r over the batch of |A| and |A^|", "NaN", "E"
    ),
    "region_localization_error": Metric(
        region_localization_error, "mm", (0, inf), False, "mean distance of A to A^ and back", "as active everywhere"
    ),
    "assignment_error": Metric(
        assignment_error,
        "mm",
        (0, inf),
        False,
        "min over assignments of mean |r_center - r_peak|",
        "mean distance to the true centres",
        "",
        ("centers",),
    ),
}
