"""Predictions of a fitted model, clip by clip, and their scores."""

import numpy as np
import pandas as pd

from keras_ser.training import metrics

COLUMNS = ("clip", "corpus", "speaker", "copy", "transform", "amount")
BATCH = 128


def probabilities(model, features):
    """What ``model`` answers for ``features`` [examples, …]. → float32 [examples, n_classes]

    By batches of one size, the last one filled up with zeros: Keras traces a graph for each size that it meets, and
    which ones those were would change the last bits of the answers.
    """
    batch = np.zeros((BATCH, *features.shape[1:]), np.float32)
    answers = []
    for start in range(0, len(features), BATCH):
        rows = features[start : start + BATCH]
        batch[: len(rows)], batch[len(rows) :] = rows, 0
        answers.append(model.predict_on_batch(batch)[: len(rows)])
    return np.concatenate(answers)


def predict(model, features, examples, classes, labels):
    """Predictions for test examples.

    ``features`` [examples, …], ``examples`` with ``COLUMNS``, ``classes`` true class indices.
    → DataFrame: those columns, ``true`` and ``predicted`` labels, ``p_<label>`` probabilities.
    """
    answers = probabilities(model, features)  # [examples, n_classes]
    labels = np.asarray(labels)
    table = examples[list(COLUMNS)].reset_index(drop=True)
    table["true"] = labels[classes]
    table["predicted"] = labels[answers.argmax(axis=1)]
    columns = [f"p_{label}" for label in labels]
    return pd.concat([table, pd.DataFrame(answers, columns=columns)], axis=1)


def score_of(model, features, classes):
    """Scores of a model's predictions for ``features`` [examples, …], ``classes`` true class indices. → dict"""
    return metrics.scores(classes, probabilities(model, features).argmax(axis=1))


def score(predictions, labels):
    """All scores of a table of predictions, ready for JSON."""
    index = {label: place for place, label in enumerate(labels)}
    true, predicted = predictions["true"].map(index), predictions["predicted"].map(index)
    matrix = metrics.confusion(true, predicted, len(labels))
    classes = metrics.class_counts(matrix, labels)
    return {
        **metrics.scores(true, predicted),
        "test": len(predictions),
        "most_confusing_class": metrics.most_confusing_class(matrix, labels),
        "classes": classes.astype(object).where(classes.notna(), None).to_dict("records"),
        "confusion": matrix.tolist(),
    }
