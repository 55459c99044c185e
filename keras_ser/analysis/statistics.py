"""How sure a score or a difference of scores is, where clips of one speaker are alike. Statistics by SciPy and
statsmodels.

In: what models got right on single clips, and who speaks in them. Every interval and test draws whole speakers, since
clips of one speaker are no independent evidence; with fewer than ``FEW_SPEAKERS`` there is no answer (None).
"""

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

FEW_SPEAKERS = 6  # sign flips of five speakers cannot give p below 1/16
CONFIDENCE = 0.95
RESAMPLES = 9999
BINS = 15  # of confidence, as in Guo et al., "On calibration of modern neural networks", 2017


def _by_speaker(values, speakers):
    """Sums over the clips of each speaker, and their number. → two arrays [speakers]"""
    groups = pd.Series(np.asarray(values, np.float64)).groupby(np.asarray(speakers))
    return groups.sum().to_numpy(), groups.size().to_numpy()


def interval(values, speakers):
    """95 % interval of the mean of ``values`` [clips], by drawing speakers with replacement. → (low, high) or None"""
    total, n = _by_speaker(values, speakers)
    if len(n) < FEW_SPEAKERS:
        return None
    drawn = stats.bootstrap(
        (total, n),
        lambda total, n, axis: total.sum(axis=axis) / n.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=0,
    ).confidence_interval
    return float(drawn.low), float(drawn.high)


def paired_test(first, second, speakers):
    """Whether two models differ on the same clips: permutation test that swaps them for whole speakers. → p or None

    ``first``, ``second``: [clips], right or wrong.
    """
    first, n = _by_speaker(first, speakers)
    second, _ = _by_speaker(second, speakers)
    if len(n) < FEW_SPEAKERS:
        return None
    tested = stats.permutation_test(
        (first, second),
        lambda first, second, axis: (first - second).sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        rng=0,
    )
    return float(tested.pvalue)


def corrected(p_values):
    """Holm's correction for the number of comparisons; None stays None. → list"""
    known = [p for p in p_values if p is not None]
    adjusted = iter(multipletests(known, method="holm")[1] if known else [])
    return [None if p is None else float(next(adjusted)) for p in p_values]


def calibration_error(confidence, correct):
    """Expected calibration error: mean distance of accuracy from confidence over bins of confidence. → float"""
    place = np.clip(np.ceil(np.asarray(confidence) * BINS).astype(int) - 1, 0, BINS - 1)
    gaps = pd.Series(np.asarray(correct, np.float64) - np.asarray(confidence)).groupby(place).sum()
    return float(gaps.abs().sum() / len(place))
