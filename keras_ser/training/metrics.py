"""Scores of a classifier from its true and predicted labels, by scikit-learn.

Labels are given as class indices [clips]; ``n_classes`` fixes the size, so that a class nobody predicted, or that has
no clip in this test set, stays in its place.
"""

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score

SCORES = ("accuracy", "uar", "macro_f1", "weighted_f1")
BINS = 15  # of confidence, as in Guo et al., "On calibration of modern neural networks", 2017


def indices(names, labels):
    """The classes that are called ``names``, a Series, by their places among ``labels``. → [clips]"""
    return names.map({label: place for place, label in enumerate(labels)}).to_numpy()


def confusion(true, predicted, n_classes):
    """Clips by true (rows) and predicted (columns) class. → int [n_classes, n_classes]."""
    return confusion_matrix(true, predicted, labels=np.arange(n_classes))


def scores(true, predicted):
    """Accuracy, unweighted average recall (UAR), macro and weighted F1, each over the classes that have test clips."""
    present = np.unique(true)
    options = {"labels": present, "zero_division": 0}
    return {
        "accuracy": float(accuracy_score(true, predicted)),
        "uar": float(recall_score(true, predicted, average="macro", **options)),
        "macro_f1": float(f1_score(true, predicted, average="macro", **options)),
        "weighted_f1": float(f1_score(true, predicted, average="weighted", **options)),
    }


def class_counts(matrix, labels):
    """True positives, false positives, false negatives and recall of each class. → DataFrame, one row per class.

    A class with no test clip has recall NaN.
    """
    matrix = np.asarray(matrix)
    tp = np.diag(matrix)
    clips = matrix.sum(axis=1)
    return pd.DataFrame(
        {
            "label": list(labels),
            "clips": clips,
            "tp": tp,
            "fp": matrix.sum(axis=0) - tp,
            "fn": clips - tp,
            "recall": np.divide(tp, clips, out=np.full(len(tp), np.nan), where=clips > 0),
        }
    )


def most_confusing_class(matrix, labels):
    """The class with the most clips taken for another (``crema_1d_2d``, section 11.2). Ties: the first."""
    matrix = np.asarray(matrix)
    return labels[int(np.argmax(matrix.sum(axis=1) - np.diag(matrix)))]


def bins(confidence):
    """The bin of each confidence, of ``BINS`` as wide, each with its upper end. → int [clips]"""
    return np.clip(np.ceil(np.asarray(confidence) * BINS).astype(int) - 1, 0, BINS - 1)


def calibration_error(confidence, correct):
    """Expected calibration error: mean distance of accuracy from confidence over bins of confidence. → float"""
    gaps = pd.Series(np.asarray(correct, np.float64) - np.asarray(confidence)).groupby(bins(confidence)).sum()
    return float(gaps.abs().sum() / len(confidence))
