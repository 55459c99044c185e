"""How sure a score or a difference of scores is, where clips of one speaker are alike. Statistics by statsmodels and
SciPy.

Intervals and tests over speakers are cluster-robust (Liang and Zeger, 1986, with the small-sample factor and Student's
t with one degree of freedom less than there are speakers): the mean over clips is estimated, speakers are what varies.
An interval and the test beside it come from one fit, so they agree. With fewer than ``FEW_SPEAKERS``, and where the
speaker of a clip is unknown (""), there is no answer (None); of a UAR neither where fewer than ``FEW_OF_A_CLASS`` say
one of the classes. Intervals over repetitions are Student's t. No interval of a share leaves [0, 1].
"""

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

FEW_SPEAKERS = 6  # fewer draws from a population do not tell how much it varies
FEW_OF_A_CLASS = 3  # a class that one speaker says would look as if it did not vary from speaker to speaker
CONFIDENCE = 0.95
NO_SPREAD = 1e-9  # standard error of a mean that is a rounding error


def _fit(values, speakers):
    """The mean of ``values`` [clips] with its cluster-robust standard error; None with too few or unknown speakers.

    Where all speakers have the same mean, their spread says nothing: the error is then that of independent clips.
    """
    groups, names = pd.factorize(np.asarray(speakers))
    if len(names) < FEW_SPEAKERS or "" in names:
        return None
    values = np.asarray(values, np.float64)
    options = {"cov_type": "cluster", "cov_kwds": {"groups": groups, "df_correction": True}, "use_t": True}
    model = sm.OLS(values, np.ones(len(values)))
    fit = model.fit(**options)
    return fit if fit.bse[0] > NO_SPREAD else model.fit()


def speaker_interval(values, speakers, classes=None, n_clips=None):
    """95 % interval of the mean of ``values`` in [0, 1] [clips] over speakers. → (low, high) or None

    ``classes`` [clips]: of the mean over the classes of their means, as UAR is one of what is right. At least as wide
    as if all ``n_clips`` different clips were independent (Wilson): where every clip is right, speakers do not vary,
    and that is not certainty.
    """
    values = np.asarray(values, np.float64)
    if classes is not None:
        if pd.Series(speakers).groupby(np.asarray(classes)).nunique().min() < FEW_OF_A_CLASS:
            return None
        # A clip moves it by how far it is from the mean of its class over the other speakers (as a jackknife over
        # speakers has it). How many clips of each class a speaker happens to have said is no part of that.
        weights = uar_weights(classes)
        moved = weights * (values - _of_other_speakers(values, np.asarray(classes), np.asarray(speakers)))
        values = np.average(values, weights=weights) + moved - moved.mean()
    fit = _fit(values, speakers)
    if fit is None:
        return None
    low, high = fit.conf_int(1 - CONFIDENCE)[0]
    mean, n = min(1.0, max(0.0, values.mean())), n_clips or len(values)
    clips_low, clips_high = clip_interval(mean * n, n)
    return float(max(0.0, min(low, clips_low))), float(min(1.0, max(high, clips_high)))


def _of_other_speakers(values, classes, speakers):
    """The mean of each clip's class over the clips of other speakers, of whom there are some. → [clips]"""
    table = pd.DataFrame({"value": values, "n": 1, "class": classes, "speaker": speakers})
    of_class = table.groupby("class")[["value", "n"]].transform("sum")
    of_own = table.groupby(["class", "speaker"])[["value", "n"]].transform("sum")
    others = of_class - of_own
    return (others["value"] / others["n"]).to_numpy()


def clip_interval(right, clips):
    """95 % interval (Wilson) of the share of ``clips`` that are right, as if they were independent. → (low, high)"""
    return proportion_confint(right, clips, 1 - CONFIDENCE, method="wilson")


def paired(difference, speakers):
    """Whether a mean difference on the same clips [clips] is 0. → p, or None with too few speakers"""
    fit = _fit(difference, speakers)
    if fit is None:
        return None
    if np.ptp(difference) == 0:  # two models that are right on the same clips
        return 1.0 if difference[0] == 0 else 0.0
    return float(fit.pvalues[0])


def paired_interval(difference, speakers, p, p_corrected):
    """Interval of a mean difference that excludes 0 exactly where ``p_corrected`` is below 0.05. → (low, high) or None

    ``p_corrected`` is a multiple of ``p``: the interval is that of the level which this multiple asks for.
    """
    fit = _fit(difference, speakers)
    if fit is None:
        return None
    if np.ptp(difference) == 0:
        return float(difference[0]), float(difference[0])
    low, high = fit.conf_int((1 - CONFIDENCE) * (p / p_corrected if p_corrected else 1.0))[0]
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
