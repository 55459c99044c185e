"""How sure a score or a difference of scores is, where clips of one speaker are alike.

Intervals and tests over speakers are cluster-robust: the mean over clips is estimated, speakers are what varies. Their
standard error and degrees of freedom are those of Bell and McCaffrey ("Bias reduction in standard errors for linear
regression with multi-stage samples", 2002), which hold where speakers have unequal numbers of clips: of one who has
most of them, little is known of how speakers vary. An interval and the test beside it come from one fit, so they agree.
With fewer than ``FEW_SPEAKERS``, where one says nearly all (``FEW_FREEDOM``), and where the speaker of a clip is
unknown (""), there is no answer (None); of a UAR neither where fewer than ``FEW_OF_A_CLASS`` say one of the classes.
Intervals over repetitions are Student's t. No interval of a share leaves [0, 1].
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

FEW_SPEAKERS = 6  # fewer draws from a population do not tell how much it varies
FEW_OF_A_CLASS = 3  # a class that one speaker says would look as if it did not vary from speaker to speaker
FEW_FREEDOM = 1.25  # degrees of freedom: with fewer one speaker has 6 of 7 clips, and "95 %" hold in 90 and less
CONFIDENCE = 0.95
NO_SPREAD = 1e-9  # standard error of a mean that is a rounding error


@dataclass(frozen=True)
class Fit:
    """A mean with its standard error and degrees of freedom."""

    mean: float
    error: float
    freedom: float

    def interval(self, confidence):
        return self.mean + self.error * np.array([-1.0, 1.0]) * stats.t.ppf((1 + confidence) / 2, self.freedom)

    def p(self):
        """Of the test whether the mean is 0."""
        return 2 * stats.t.sf(abs(self.mean) / self.error, self.freedom)


def _fit(values, speakers, classes):
    """The mean over the ``classes`` [clips] of the means of ``values`` [clips]. → Fit, or None with too few or unknown
    speakers, or one who says nearly all

    Of a regression on the classes: a speaker's residuals of a class are blown up by 1 / √(1 − his share of its clips),
    and the degrees of freedom (Satterthwaite) are those that independent clips would give.
    """
    (speaker, names), (of_class, found) = (pd.factorize(np.asarray(given)) for given in (speakers, classes))
    if len(names) < FEW_SPEAKERS or "" in names:
        return None
    shape = len(names), len(found)
    place = speaker * len(found) + of_class
    n, total = (np.bincount(place, weights, np.prod(shape)).reshape(shape) for weights in (None, values))
    n_class = n.sum(axis=0)
    mean = total.sum(axis=0) / n_class
    weight = 1 / (len(n_class) * n_class * np.sqrt(1 - n / n_class))
    error = np.sqrt(np.square((weight * (total - n * mean)).sum(axis=1)).sum())
    # What a speaker adds to the mean varies as diag(own) − shared · sharedᵀ where clips are independent. [speakers]
    own, shared = (np.square(weight) * n).sum(axis=1), weight * n / np.sqrt(n_class)
    of_shared = np.square(shared).sum(axis=1)
    squares = np.square(own).sum() - 2 * (own * of_shared).sum() + np.square(shared.T @ shared).sum()
    freedom = (own - of_shared).sum() ** 2 / squares
    return Fit(mean.mean(), error, freedom) if freedom > FEW_FREEDOM else None


def _fit_of_difference(difference, speakers, n_clips):
    """As :func:`_fit`; where all speakers have the same mean, their spread says nothing: the error is then that of
    ``n_clips`` independent clips.
    """
    fit = _fit(difference, speakers, np.zeros(len(difference), int))
    if fit is None or fit.error > NO_SPREAD:
        return fit
    return Fit(fit.mean, np.std(difference) / np.sqrt(n_clips - 1), n_clips - 1)


def speaker_interval(values, speakers, classes=None, passes=None, n_clips=None):
    """95 % interval of the mean of ``values`` in [0, 1] [clips] over speakers. → (low, high) or None

    ``classes`` [clips]: of the mean over the classes of their means, as UAR is one of what is right; ``passes``
    [clips]: of the mean over several passes of that, which answer the same clips. At least as wide as if all
    ``n_clips`` different clips were independent (:func:`_clips_interval`): where every clip is right, speakers do not
    vary, and that is not certainty.
    """
    classes = np.zeros(len(values), int) if classes is None else np.asarray(classes)
    few = 0 if len(set(classes)) == 1 else FEW_OF_A_CLASS
    # A class of one pass is another than that of the next.
    cells = classes if passes is None else pd.MultiIndex.from_arrays([passes, classes]).factorize()[0]
    if pd.Series(np.asarray(speakers)).groupby(cells).nunique().min() < few:
        return None
    fit = _fit(values, speakers, cells)
    if fit is None:
        return None
    low, high = fit.interval(CONFIDENCE)
    clips_low, clips_high = _clips_interval(values, classes, n_clips or len(values))
    return float(max(0.0, min(low, clips_low))), float(min(1.0, max(high, clips_high)))


def _clips_interval(values, classes, n_clips):
    """95 % interval of the mean over the classes of their means, as if all clips were independent: of each class
    Wilson's, put together as G. Y. Zou and A. Donner have it ("Construction of confidence intervals about effect
    measures", 2008). → (low, high)
    """
    by_class = pd.Series(np.asarray(values, np.float64)).groupby(classes).agg(["size", "mean"])
    n, mean = by_class["size"].to_numpy() * n_clips / len(values), by_class["mean"].to_numpy()
    low, high = clip_interval(mean * n, n)
    below, above = (np.sqrt(np.square(end - mean).sum()) / len(mean) for end in (low, high))
    return mean.mean() - below, mean.mean() + above


def clip_interval(right, clips):
    """95 % interval (Wilson) of the share of ``clips`` that are right, as if they were independent. → (low, high)"""
    return proportion_confint(right, clips, 1 - CONFIDENCE, method="wilson")


def paired(difference, speakers, n_clips=None):
    """Whether a mean difference on the same clips [clips], of which ``n_clips`` are different (default: all), is 0.
    → p, or None with too few speakers
    """
    n_clips = n_clips or len(difference)
    fit = _fit_of_difference(difference, speakers, n_clips)
    if fit is None:
        return None
    if np.ptp(difference) == 0:  # on every clip the same: nothing, or what a sign test tells
        return 1.0 if difference[0] == 0 else 2 * 0.5**n_clips
    return float(fit.p())


def level(p, p_corrected):
    """Of the interval that excludes 0 exactly where ``p_corrected``, a multiple of ``p``, is below 0.05; 0.95 where
    nothing was tested (None, NaN).
    """
    return CONFIDENCE if pd.isna(p) or not p_corrected else 1 - (1 - CONFIDENCE) * p / p_corrected


def paired_interval(difference, speakers, level, n_clips=None):
    """Interval of a mean difference, arguments as of :func:`paired`. → (low, high) or None with too few speakers"""
    n_clips = n_clips or len(difference)
    fit = _fit_of_difference(difference, speakers, n_clips)
    if fit is None:
        return None
    if np.ptp(difference) == 0:  # of the share of clips on which it is so, Clopper and Pearson's
        share = ((1 - level) / 2) ** (1 / n_clips)
        return tuple(float(end) for end in sorted((difference[0] * (2 * share - 1), difference[0])))
    low, high = fit.interval(level)
    return float(max(-1.0, low)), float(min(1.0, high))


def corrected(p_values):
    """Holm's correction for the number of comparisons; None stays None. → list"""
    known = [p for p in p_values if p is not None]
    adjusted = iter(multipletests(known, method="holm")[1] if known else [])
    return [None if p is None else float(next(adjusted)) for p in p_values]


def repetition_intervals(values, limit=1.0):
    """Of a score that repetitions give: confidence interval of the mean, and prediction interval of one more value.

    → ((low, high), (low, high)) by Student's t, within [0, ``limit``]; (None, None) with fewer than two values.
    """
    n = len(values)
    if n < 2:
        return None, None
    mean, std = np.mean(values), np.std(values, ddof=1)
    t = stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)
    halves = t * std / np.sqrt(n), t * std * np.sqrt(1 + 1 / n)
    return tuple((float(max(0.0, mean - half)), float(min(limit, mean + half))) for half in halves)


def uar_weights(true):
    """Weights of clips, of mean 1, with which what is right averages to the UAR. ``true``: classes [clips]"""
    true = pd.Series(np.asarray(true))
    clips = true.map(true.value_counts())
    return (len(true) / (true.nunique() * clips)).to_numpy()
