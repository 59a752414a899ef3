"""Metrics of source imaging: pure functions on batches, ``metric(x_true, x_est, *, pos, ...) -> (batch,)``."""

from headwater.metrics.amplitude import correlation, cosine_score, nmse, weighted_cosine_distance
from headwater.metrics.bootstrap import Interval, bootstrap_interval
from headwater.metrics.controls import perfect_estimate, random_estimate
from headwater.metrics.depth import AtDepth, source_depth
from headwater.metrics.detection import accuracy, active_share, f1, precision, recall
from headwater.metrics.extent import (
    active_volume_error,
    dispersion_from_truth,
    extent,
    extent_correlation,
    spatial_dispersion,
)
from headwater.metrics.measure import Measure, Metric
from headwater.metrics.peaks import (
    assignment_error,
    centroid_localization_error,
    localization_error,
    region_localization_error,
)
from headwater.metrics.ranking import distance_rank, distance_rank_least, fraction_active, peak_activity_spread
from headwater.metrics.regions import region_f1, region_precision, region_recall
from headwater.metrics.roc import auc, auc_close, auc_far, auprc
from headwater.metrics.table import METRICS
from headwater.metrics.timecourse import time_course_correlation
from headwater.metrics.transport import earth_movers_distance, nemd

__all__ = [
    "METRICS",
    "AtDepth",
    "Interval",
    "Measure",
    "Metric",
    "accuracy",
    "active_share",
    "active_volume_error",
    "assignment_error",
    "auc",
    "auc_close",
    "auc_far",
    "auprc",
    "bootstrap_interval",
    "centroid_localization_error",
    "correlation",
    "cosine_score",
    "dispersion_from_truth",
    "distance_rank",
    "distance_rank_least",
    "earth_movers_distance",
    "extent",
    "extent_correlation",
    "f1",
    "fraction_active",
    "localization_error",
    "nemd",
    "nmse",
    "peak_activity_spread",
    "perfect_estimate",
    "precision",
    "random_estimate",
    "recall",
    "region_f1",
    "region_localization_error",
    "region_precision",
    "region_recall",
    "source_depth",
    "spatial_dispersion",
    "time_course_correlation",
    "weighted_cosine_distance",
]
