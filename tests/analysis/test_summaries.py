"""What figures and the page draw, from numbers made by hand."""

import keras
import numpy as np
import pandas as pd
import pytest

from keras_ser import reports
from keras_ser.analysis import summaries
from keras_ser.reports.specification import Training
from keras_ser.runs.passes import Pass
from keras_ser.runs.store import Run
from keras_ser.training import metrics
from keras_ser.training.networks import BestCheckpoint


def training(callbacks, refit=False):
    return Training("adam", 4, 5, callbacks, chosen_on=("validation",), refit=refit)


def stop(**options):
    return [keras.callbacks.EarlyStopping("val_loss", patience=5, **options)]


HISTORY = pd.DataFrame(
    {"epoch": [1, 2, 3, 4], "val_loss": [1.0, 0.5, 0.4995, 0.9], "val_accuracy": [0.5, 0.6, 0.7, 0.7]}
)


@pytest.mark.parametrize(
    ("callbacks", "epoch"),
    [
        (list, 4),
        (lambda: stop(), 4),  # it stops, and keeps the weights that it has
        (lambda: stop(restore_best_weights=True), 3),
        (lambda: stop(restore_best_weights=True, min_delta=1e-3), 2),
        (lambda: [BestCheckpoint("val_accuracy")], 3),
    ],
)
def test_the_tested_epoch_is_that_of_the_callbacks(callbacks, epoch):
    assert summaries.tested_epoch(training(callbacks), HISTORY) == epoch


@pytest.mark.slow
def test_the_tested_epoch_is_the_one_keras_restores(rng):
    """Beside Keras itself, on what it recorded."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = rng.normal(size=(2, 40, 3)), rng.normal(size=(2, 40, 1))
    (callback,) = stop(restore_best_weights=True, min_delta=1e-3)
    fit = model.fit(x[0], y[0], validation_data=(x[1], y[1]), epochs=12, callbacks=[callback], verbose=0)
    history = pd.DataFrame(fit.history).assign(epoch=np.arange(1, len(fit.epoch) + 1))
    found = summaries.tested_epoch(training(lambda: stop(restore_best_weights=True, min_delta=1e-3)), history)
    assert found == callback.best_epoch + 1


def test_curves_show_the_fit_that_validation_watched(tmp_path):
    """A network that is refitted leaves two fits, of which the second has no validation and is tested."""
    watched = {"fit": 1, "epoch": [1, 2], "loss": 1.0, "val_loss": 2.0, "accuracy": 0.5, "val_accuracy": 0.4}
    again = {"fit": 2, "epoch": [1, 2], "loss": 0.9, "accuracy": 0.6}
    pd.concat([pd.DataFrame(watched), pd.DataFrame(again)]).to_csv(tmp_path / "history.csv", index=False)
    run = Run(tmp_path, {"experiment": "cnn_2d", "kind": "network", "epochs_run": 2}, {})
    found = summaries.curves(reports.load("spectral_features"), [Pass((run,), run.facts, {})])
    ((history, tested),) = found["cnn_2d"]
    assert history["loss"].to_list() == [1.0, 1.0]
    assert tested is None


def test_confusions_add_up_and_leave_out_what_diverged():
    facts = {"experiment": "cnn", "protocol": "as_reported", "diverged_at": None}
    passes = [Pass((), facts, {"confusion": [[3, 1, 0], [0, 4, 0], [0, 0, 0]], "uar": 0.875}) for _ in range(2)]
    passes.append(Pass((), {**facts, "diverged_at": 3}, {}))
    ((key, matrix),) = summaries.confusions(passes).items()
    assert key == ("cnn", "as_reported")
    assert matrix.counts.tolist() == [[6, 2, 0], [0, 8, 0], [0, 0, 0]]
    assert matrix.repetitions == 2
    assert matrix.shares.tolist() == [[0.75, 0.25, 0], [0, 1, 0], [0, 0, 0]]
    assert matrix.uar == summaries.Confusion(matrix.counts).uar == 0.875  # of the classes that have examples


def test_the_uar_of_a_matrix_is_that_of_the_table():
    """The mean over repetitions, which test other numbers of each class, and not the UAR of all their clips."""
    facts = {"experiment": "cnn", "protocol": "as_reported", "diverged_at": None}
    matrices = {0.75: [[1, 1], [0, 4]], 0.5: [[8, 0], [4, 0]]}
    passes = [Pass((), facts, {"confusion": matrix, "uar": uar}) for uar, matrix in matrices.items()]
    (matrix,) = summaries.confusions(passes).values()
    assert (matrix.uar, matrix.repetitions) == (0.625, 2)
    assert summaries.Confusion(matrix.counts).uar == 0.7


def test_reliability_is_that_of_the_calibration_error(rng):
    confidence = rng.uniform(0.2, 1, 3000)
    clips = pd.DataFrame({"confidence": confidence, "correct": rng.random(3000) < confidence - 0.1})
    found = summaries.reliability(clips.assign(experiment="a", protocol="as_reported", kind="network"))
    sizes = np.bincount(metrics.bins(confidence), minlength=metrics.BINS)
    gaps = (found["correct"] - found["confidence"]).abs() * sizes[sizes >= summaries.FEWEST]
    assert gaps.sum() / 3000 == pytest.approx(metrics.calibration_error(confidence, clips["correct"]))


def test_reliability_shows_bins_with_enough_clips():
    confidence = np.repeat([0.15, 0.55], [9, 10])
    clips = pd.DataFrame({"confidence": confidence, "correct": confidence > 0.5})
    found = summaries.reliability(clips.assign(experiment="a", protocol="as_reported", kind="network"))
    assert found.to_dict("records") == [
        {"experiment": "a", "protocol": "as_reported", "confidence": pytest.approx(0.55), "correct": 1.0}
    ]
    assert summaries.reliability(clips.assign(experiment="a", protocol="as_reported", kind="svm")).empty
