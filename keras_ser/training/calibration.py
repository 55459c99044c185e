"""The temperature by which probabilities are made to hold, and what is gained by it.

A temperature is one number; it is fitted to answers for speakers who are not in the training set of the network that
gave them.
Source: Guo et al., "On calibration of modern neural networks", 2017.
"""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from keras_ser.training import metrics

LEAST = 1e-30  # beside the greatest probability: as keras_ser.models.calibrated.Calibrated has it
RANGE = (0.05, 20.0)  # of a temperature


def flattened(probabilities, temperature):
    """``probabilities`` [clips, classes] to the power ``1 / temperature``, divided by their sum, as
    :class:`~keras_ser.models.calibrated.Calibrated` does it. → the same shape
    """
    return np.exp(_logs(probabilities, temperature))


def _logs(probabilities, temperature):
    """The logarithms of what :func:`flattened` gives, which are finite where that is 0."""
    greatest = np.max(probabilities, axis=1, keepdims=True)
    powers = np.log((probabilities + LEAST) / (greatest + LEAST)) / temperature
    return powers - np.log(np.exp(powers).sum(axis=1, keepdims=True))


def temperature(probabilities, true):
    """The temperature with the least cross-entropy. ``true``: places of the true classes [clips]. → float"""
    rows = np.arange(len(true))

    def cross_entropy(log_temperature):
        return -_logs(probabilities, np.exp(log_temperature))[rows, true].mean()

    return float(np.exp(minimize_scalar(cross_entropy, bounds=np.log(RANGE), method="bounded").x))


def answers(predictions, labels):
    """What a table of predictions says of its clips of these ``labels``. → probabilities [clips, labels], as they are
    stored (their sum need not be 1), true [clips], and which rows they are (bool)
    """
    kept = predictions["true"].isin(labels).to_numpy()
    chosen = predictions[kept]
    probabilities = chosen[[f"p_{label}" for label in labels]].to_numpy(np.float64)
    return probabilities, metrics.indices(chosen["true"], labels), kept


def held_out(folds, labels):
    """How well probabilities hold before and after they are flattened, each fold by the temperature of the others: no
    clip has a part in the temperature that it is judged by.

    ``folds``: tables of predictions, one per fold, whose test speakers differ.
    → DataFrame of all clips of ``labels``: ``confidence`` of the answer, ``calibrated``, ``correct``; the index is that
    of the folds' rows one after another
    """
    by_fold = [answers(fold, labels) for fold in folds]
    parts, start = [], 0
    for place, (probabilities, true, kept) in enumerate(by_fold):
        others = [item for other, item in enumerate(by_fold) if other != place]
        fitted = temperature(np.concatenate([item[0] for item in others]), np.concatenate([item[1] for item in others]))
        columns = {
            "confidence": flattened(probabilities, 1.0).max(axis=1),
            "calibrated": flattened(probabilities, fitted).max(axis=1),
            "correct": probabilities.argmax(axis=1) == true,
        }
        parts.append(pd.DataFrame(columns, index=start + np.flatnonzero(kept)))
        start += len(kept)
    return pd.concat(parts)


def errors(table):
    """Expected calibration errors of :func:`held_out`. → (before, after)"""
    return tuple(metrics.calibration_error(table[name], table["correct"]) for name in ("confidence", "calibrated"))
