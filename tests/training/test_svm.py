import numpy as np
import pytest
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from keras_ser.errors import UserError
from keras_ser.reports.specification import SupportVectors
from keras_ser.training import svm

GRID = SupportVectors((0.1, 10.0), ("rbf", "linear"), standardize=True, fitted_on=("train",))


@pytest.fixture
def clips(rng):
    classes = np.arange(60) % 3
    speakers = np.repeat(["a", "b", "c"], 20)
    x = rng.normal(size=(60, 4, 2)).astype(np.float32)
    x[:, 0, 0] += 2 * classes
    return x, classes, speakers


def test_the_grid_is_chosen_by_leaving_speakers_out(clips):
    x, classes, speakers = clips
    model, fit = svm.fit(x, classes, speakers, 3, training=GRID)
    for row in fit.history.itertuples():
        chain = make_pipeline(StandardScaler(), SVC(C=row.C, kernel=row.kernel))
        folds = {"groups": speakers, "cv": LeaveOneGroupOut()}
        expected = cross_val_score(chain, x.reshape(60, -1).astype(np.float64), classes, **folds).mean()
        assert row.val_accuracy == pytest.approx(expected)
    (chosen,) = fit.history[fit.history["chosen"]].to_dict("records")
    assert chosen["val_accuracy"] == fit.history["val_accuracy"].max()
    best = make_pipeline(StandardScaler(), SVC(C=chosen["C"], kernel=chosen["kernel"]))
    best.fit(x.reshape(60, -1).astype(np.float64), classes)
    np.testing.assert_array_equal(model(x).numpy().argmax(axis=1), best.predict(x.reshape(60, -1)))


def test_one_candidate_needs_no_speakers_and_no_scaling_is_no_scaling(clips):
    x, classes, _ = clips
    training = SupportVectors((10.0,), ("rbf",), standardize=False, fitted_on=("train",))
    model, fit = svm.fit(x, classes, ["a"] * 60, 3, training=training)
    assert fit.history.to_dict("records") == [{"C": 10.0, "kernel": "rbf", "chosen": True}]
    assert not model.get_layer("machine").mean.numpy().any()
    expected = SVC(C=10.0).fit(x.reshape(60, -1), classes).predict(x.reshape(60, -1))
    np.testing.assert_array_equal(model(x).numpy().argmax(axis=1), expected)


def test_too_little_to_fit(clips):
    x, classes, speakers = clips
    with pytest.raises(UserError, match="all 4 classes in train: found 3"):
        svm.fit(x, classes, speakers, 4, training=GRID)
    with pytest.raises(UserError, match="two speakers in train with two classes each, or 4 clips"):
        svm.fit(x[:9], classes[:9], ["a"] * 9, 3, training=GRID)


def test_speakers_are_left_out_only_where_two_classes_are_left(clips):
    x, classes, _ = clips
    two = np.where(classes == 2, "b", "a")  # without a only the last class is left
    _, fit = svm.fit(x, classes, two, 3, training=GRID)
    _, without_speakers = svm.fit(x, classes, ["unknown"] * 60, 3, training=GRID)
    assert fit.history.equals(without_speakers.history)
    with pytest.raises(UserError, match="two speakers in train with two classes each, or 4 clips"):
        svm.fit(x[:9], classes[:9], two[:9], 3, training=GRID)
    # Two classes are enough: what only one speaker says is wrong when that one is left out.
    three = np.where(classes == 2, "c", np.where(np.arange(60) < 30, "a", "b"))
    _, fit = svm.fit(x, classes, three, 3, training=GRID)
    assert fit.history["val_accuracy"].max() <= 2 / 3


def test_a_class_that_no_clip_can_be_of_needs_none(clips):
    x, classes, speakers = clips
    model, fit = svm.fit(x, classes + (classes == 2), speakers, 4, training=GRID, impossible=[2])
    assert model.output_shape == (None, 4)
    assert set(model(x).numpy().argmax(axis=1)) <= {0, 1, 3}
    assert fit.history["val_accuracy"].max() > 0.5


def test_clips_of_unknown_speakers_are_parted_by_class(clips):
    x, classes, _ = clips
    _, fit = svm.fit(x, classes, ["unknown"] * 60, 3, training=GRID)
    assert fit.history["chosen"].sum() == 1
    assert fit.history["val_accuracy"].max() > 0.5
