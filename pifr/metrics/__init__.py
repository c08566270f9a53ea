"""Biometric error rates from scores, in ISO/IEC 19795-1 terms; numpy only.

Every score is a similarity: a comparison is accepted where ``score >= threshold``. *Mated* scores compare
pictures of one person, *non-mated* scores compare two people.
"""

from pifr.metrics.bootstrap import Interval, bootstrap_pair_rate, bootstrap_rate, paired_difference, person_weights
from pifr.metrics.cosine import unit_length
from pifr.metrics.delong import DeLong, delong_test
from pifr.metrics.folds import FoldAccuracy, best_threshold, fold_accuracy
from pifr.metrics.identification import (
    NOT_FOUND,
    Answers,
    DirAtFpir,
    cumulative_match,
    detection_identification_rate,
    dir_text,
    open_set_rates,
    rank_n_rate,
    rank_of_mates,
    search_answers,
)
from pifr.metrics.verification import (
    ErrorRates,
    TarAtFar,
    area_under_curve,
    d_prime,
    equal_error_rate,
    error_rates,
    error_rates_at,
    roc_points,
    tar_at_far,
)
from pifr.metrics.verification_bootstrap import bootstrap_verification

__all__ = [
    "NOT_FOUND",
    "Answers",
    "DeLong",
    "DirAtFpir",
    "ErrorRates",
    "FoldAccuracy",
    "Interval",
    "TarAtFar",
    "area_under_curve",
    "best_threshold",
    "bootstrap_pair_rate",
    "bootstrap_rate",
    "bootstrap_verification",
    "cumulative_match",
    "d_prime",
    "delong_test",
    "detection_identification_rate",
    "dir_text",
    "equal_error_rate",
    "error_rates",
    "error_rates_at",
    "fold_accuracy",
    "open_set_rates",
    "paired_difference",
    "person_weights",
    "rank_n_rate",
    "rank_of_mates",
    "roc_points",
    "search_answers",
    "tar_at_far",
    "unit_length",
]
