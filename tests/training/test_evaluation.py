import json

import keras
import numpy as np
import pandas as pd
import pytest

from keras_ser.training import evaluation

LABELS = ("anger", "fear", "neutral")


@pytest.fixture
def examples():
    return pd.DataFrame(
        {
            "clip": ["a", "b", "c", "d"],
            "corpus": "emodb",
            "speaker": ["03", "03", "08", "NA"],
            "copy": [0, 2, 0, 1],
            "transform": ["none", "pitch_shift", "none", "time_stretch"],
            "parameter": [0.0, -1.5, 0.0, 1.1],
            "split": "test",
        },
        index=[3, 8, 21, 40],  # rows of a larger table
    )


@pytest.fixture
def predictions(examples):
    """A model that gives its input as probabilities."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Softmax()])
    features = np.log([[0.7, 0.2, 0.1], [0.2, 0.3, 0.5], [0.1, 0.6, 0.3], [0.2, 0.1, 0.7]]).astype(np.float32)
    return evaluation.predict(model, features, np.array([0, 2, 0, 2]), examples=examples, labels=LABELS)


def test_a_row_an_example_with_the_probabilities_in_the_order_of_the_labels(predictions, examples):
    p = ["p_anger", "p_fear", "p_neutral"]
    assert list(predictions.columns) == [*evaluation.COLUMNS, "true", "predicted", *p]
    columns = list(evaluation.COLUMNS)
    pd.testing.assert_frame_equal(predictions[columns], examples[columns].reset_index(drop=True))
    assert list(predictions["true"]) == ["anger", "neutral", "anger", "neutral"]
    assert list(predictions["predicted"]) == ["anger", "neutral", "fear", "neutral"]
    np.testing.assert_allclose(predictions["p_fear"], [0.2, 0.3, 0.6, 0.1], rtol=1e-6)
    np.testing.assert_allclose(predictions[p].sum(axis=1), 1, atol=1e-6)


def test_a_class_that_an_example_cannot_be_of_gets_nothing(examples):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Softmax()])
    features = np.log([[0.7, 0.2, 0.1], [0.2, 0.3, 0.5], [0.1, 0.6, 0.3], [0.2, 0.1, 0.7]]).astype(np.float32)
    possible = np.array([[True] * 3, [True, True, False], [True] * 3, [False, True, True]])
    classes = np.array([0, 1, 0, 2])
    found = evaluation.predict(model, features, classes, possible, examples=examples, labels=LABELS)
    assert list(found["predicted"]) == ["anger", "fear", "fear", "neutral"]
    np.testing.assert_allclose(found[["p_anger", "p_fear", "p_neutral"]].to_numpy()[1], [0.4, 0.6, 0], rtol=1e-5)
    assert evaluation.score_of(model, features, classes, possible)["accuracy"] == 0.75
    assert evaluation.score_of(model, features, classes)["accuracy"] == 0.5
    nothing = np.array([[-200.0, -200.0, 200.0]], np.float32)  # both possible classes are rounded to 0
    np.testing.assert_allclose(evaluation.probabilities(model, nothing, possible[1:2]), [[0.5, 0.5, 0]])


def test_batches_do_not_matter(examples, rng, monkeypatch):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, activation="softmax")])
    x, classes = rng.normal(size=(4, 3)).astype(np.float32), np.zeros(4, int)
    together = evaluation.predict(model, x, classes, examples=examples, labels=LABELS)
    monkeypatch.setattr(evaluation, "BATCH", 1)
    pd.testing.assert_frame_equal(evaluation.predict(model, x, classes, examples=examples, labels=LABELS), together)


def test_scores_by_hand_survive_json(predictions):
    found = json.loads(json.dumps(evaluation.score(predictions, LABELS), allow_nan=False))
    assert found["test"] == 4
    assert found["accuracy"] == found["uar"] == 0.75  # over anger and neutral: (1/2 + 1) / 2
    assert found["weighted_f1"] == found["macro_f1"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["most_confusing_class"] == "anger"
    assert found["confusion"] == [[1, 1, 0], [0, 0, 0], [0, 0, 2]]
    assert found["classes"][1] == {"label": "fear", "clips": 0, "tp": 0, "fp": 1, "fn": 0, "recall": None}
