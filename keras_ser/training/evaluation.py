"""Predictions of a fitted model, clip by clip, and their scores."""

import numpy as np
import pandas as pd

from keras_ser.training import metrics

COLUMNS = ("clip", "corpus", "speaker", "copy", "transform", "amount")
BATCH = 256


def predict(model, features, examples, classes, labels):
    """Predictions for test examples.

    ``features`` [examples, …], ``examples`` with ``COLUMNS``, ``classes`` true class indices.
    → DataFrame: those columns, ``true`` and ``predicted`` labels, ``p_<label>`` probabilities.
    """
    probabilities = model.predict(features, batch_size=BATCH, verbose=0)  # [examples, n_classes]
    labels = np.asarray(labels)
    table = examples[list(COLUMNS)].reset_index(drop=True)
    table["true"] = labels[classes]
    table["predicted"] = labels[probabilities.argmax(axis=1)]
    columns = [f"p_{label}" for label in labels]
    return pd.concat([table, pd.DataFrame(probabilities, columns=columns)], axis=1)


def score_of(model, features, classes):
    """Scores of a model's predictions for ``features`` [examples, …], ``classes`` true class indices. → dict"""
    predicted = model.predict(features, batch_size=BATCH, verbose=0).argmax(axis=1)
    return metrics.scores(classes, predicted)


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
