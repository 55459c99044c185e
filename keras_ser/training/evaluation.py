"""Predictions of a fitted model, clip by clip, and their scores."""

import numpy as np
import pandas as pd

from keras_ser.training import metrics

COLUMNS = ("clip", "corpus", "speaker", "copy", "transform", "parameter")
BATCH = 32
LEAST = 1e-30  # of a probability: where a network gives nothing to any class that is possible, they are as likely


def probabilities(model, features, possible=None):
    """What ``model`` answers for ``features`` [examples, …]. → float32 [examples, n_classes]

    Classes that an example cannot be of (``possible``, bool [examples, n_classes]) get nothing, the others their share.

    By batches of one size, the last one filled up with zeros: Keras traces a graph for each size that it meets, and
    which ones those were would change the last bits of the answers.
    """
    batch = np.zeros((BATCH, *features.shape[1:]), np.float32)
    answers = []
    for start in range(0, len(features), BATCH):
        rows = features[start : start + BATCH]
        batch[: len(rows)], batch[len(rows) :] = rows, 0
        answers.append(model.predict_on_batch(batch)[: len(rows)])
    answers = np.concatenate(answers)
    if possible is None:
        return answers
    answers = np.where(possible, np.maximum(answers, LEAST), 0)
    return answers / answers.sum(axis=1, keepdims=True)


def predict(model, features, classes, possible=None, *, examples, labels):
    """Predictions for test examples.

    ``features`` [examples, …], ``classes`` true class indices, ``possible`` as of :func:`probabilities`; ``examples``
    with ``COLUMNS``.
    → DataFrame: those columns, ``true`` and ``predicted`` labels, ``p_<label>`` probabilities.
    """
    answers = probabilities(model, features, possible)  # [examples, n_classes]
    labels = np.asarray(labels)
    table = examples[list(COLUMNS)].reset_index(drop=True)
    table["true"] = labels[classes]
    table["predicted"] = labels[answers.argmax(axis=1)]
    columns = [f"p_{label}" for label in labels]
    return pd.concat([table, pd.DataFrame(answers, columns=columns)], axis=1)


def score_of(model, features, classes, possible=None):
    """Scores of a model's predictions for ``features`` [examples, …], ``classes`` true class indices. → dict"""
    return metrics.scores(classes, probabilities(model, features, possible).argmax(axis=1))


def score(predictions, labels):
    """All scores of a table of predictions, ready for JSON."""
    true, predicted = (metrics.indices(predictions[name], labels) for name in ("true", "predicted"))
    matrix = metrics.confusion(true, predicted, len(labels))
    classes = metrics.class_counts(matrix, labels)
    return {
        **metrics.scores(true, predicted),
        "test": len(predictions),
        "most_confusing_class": metrics.most_confusing_class(matrix, labels),
        "classes": classes.astype(object).where(classes.notna(), None).to_dict("records"),
        "confusion": matrix.tolist(),
    }
