import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from keras_ser.training import metrics
from tests.harness import examples_of

LABELS = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")

# Confusion matrices that crema_1d_2d prints (rows true), with the figures that it prints for the same runs.
PRINTED = {
    "cnn_1d/run_b": (
        "318 150 14 25 24 0;21 382 10 20 53 43;37 142 137 41 97 83;"
        "61 163 37 143 117 12;4 91 7 9 335 19;7 155 14 2 131 229",
        (0.4928183849345675, 0.48168824442015795, "FEA"),
    ),
    "cnn_2d/run_a": (
        "375 75 12 49 16 4;48 285 13 24 55 104;49 92 142 63 39 152;"
        "96 87 68 195 61 26;8 67 16 20 284 70;10 72 25 5 62 364",
        (0.5250558570060645, 0.5132666027774772, "FEA"),
    ),
    "cnn_2d/run_b": (
        "368 52 45 36 23 7;32 241 64 25 39 128;42 50 259 23 20 143;"
        "74 70 134 159 59 37;7 68 36 8 233 113;2 49 68 8 36 375",
        # Printed as 0.52186402808089454, which no count of 3133 clips gives: digits 12 and 13 are in the wrong order.
        (1635 / 3133, 0.5160473379937462, "HAP"),
    ),
}


@pytest.mark.parametrize("run", PRINTED)
def test_the_scores_that_crema_1d_2d_prints_follow_from_its_confusion_matrices(run):
    text, (accuracy, weighted_f1, confusing) = PRINTED[run]
    matrix = np.array([row.split() for row in text.split(";")], int)
    found = metrics.scores(*examples_of(matrix))
    assert found["accuracy"] == pytest.approx(accuracy, abs=1e-15)
    assert found["weighted_f1"] == pytest.approx(weighted_f1, abs=1e-15)
    assert metrics.most_confusing_class(matrix, LABELS) == confusing


def test_small_case_by_hand():
    true, predicted = [0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 2, 2]
    found = metrics.scores(true, predicted)
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["uar"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    f1 = (2 * 1 * (2 / 3) / (1 + 2 / 3), 1 / 2, 2 * (1 / 2) / (3 / 2))
    assert found["macro_f1"] == pytest.approx(sum(f1) / 3)
    assert found["weighted_f1"] == pytest.approx((3 * f1[0] + 2 * f1[1] + f1[2]) / 6)


def test_a_class_without_test_clips_keeps_its_place_and_does_not_count():
    matrix = metrics.confusion([0, 0, 2], [0, 1, 2], 3)
    np.testing.assert_array_equal(matrix, [[1, 1, 0], [0, 0, 0], [0, 0, 1]])
    assert metrics.scores([0, 0, 2], [0, 1, 2])["uar"] == 0.75
    counts = metrics.class_counts(matrix, "abc")
    assert list(counts["fp"]) == [0, 1, 0]
    assert list(counts["fn"]) == [1, 0, 0]
    assert np.isnan(counts["recall"][1])


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_properties(pairs):
    true, predicted = np.array(pairs).T
    matrix = metrics.confusion(true, predicted, 5)
    found, counts = metrics.scores(true, predicted), metrics.class_counts(matrix, "abcde")
    assert metrics.scores(*examples_of(matrix)) == pytest.approx(found)
    assert found["accuracy"] == pytest.approx(counts["tp"].sum() / len(true))
    assert (counts["tp"] + counts["fn"] == np.bincount(true, minlength=5)).all()
    assert (counts["tp"] + counts["fp"] == np.bincount(predicted, minlength=5)).all()
    clips = np.bincount(true, minlength=5)
    assert found["accuracy"] == pytest.approx(np.nansum(counts["recall"] * clips) / clips.sum())
    assert found["uar"] == pytest.approx(np.nanmean(counts["recall"]))
    if len(set(true)) > 1 and set(predicted) <= set(true):
        assert found["uar"] == pytest.approx(balanced_accuracy_score(true, predicted))


def test_calibration_error(rng):
    confidence = rng.uniform(0.3, 1, 20000)
    assert metrics.calibration_error(confidence, rng.random(20000) < confidence) < 0.02
    assert metrics.calibration_error(confidence, rng.random(20000) < confidence - 0.2) == pytest.approx(0.2, abs=0.02)
    assert metrics.calibration_error([1.0, 1.0], [1, 0]) == 0.5
    assert metrics.calibration_error([0.0], [1]) == 1.0
