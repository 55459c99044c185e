"""A stored run as a model to be asked about anybody: of the classes that all its corpora have, by probabilities that
hold for unseen speakers.

In: a run, and beside it a whole repetition of the same experiment under ``speaker_independent``. Out: a run's folder
with the same network and :class:`~keras_ser.models.calibrated.Calibrated` after it, and its test clips answered so.
"""

import keras
import numpy as np
import pandas as pd

from keras_ser.errors import UserError
from keras_ser.models.calibrated import Calibrated
from keras_ser.runs import store
from keras_ser.serving.chain import by_protocol, open_run, siblings
from keras_ser.serving.export import check_is_free
from keras_ser.training import calibration, evaluation

UNSEEN = "speaker_independent"


def calibrate(folder, out):
    """Write the run in ``folder``, calibrated, to the folder ``out``. → store.Run

    Its record holds ``calibration``: ``temperature``, fitted to the ``clips`` of the unseen speakers that are no test
    clips of the run, and the expected calibration ``error_before`` and ``error_after``, of each fold by the temperature
    of the others.

    Raises UserError where nothing is stored for unseen speakers, or fewer than two folds of it have other clips than
    the run tests, the run is calibrated already, or there is something at ``out``.
    """
    run = open_run(folder)
    facts = run.facts
    if "calibration" in facts:
        raise UserError(f"{folder}: is calibrated already")
    check_is_free(out)
    labels = facts.get("common_labels", facts["labels"])
    folds = _folds(run)
    clips = calibration.held_out(folds, labels)
    probabilities, true, _ = calibration.answers(pd.concat(folds, ignore_index=True), labels)
    temperature = calibration.temperature(probabilities, true)
    before, after = calibration.errors(clips)
    places = [facts["labels"].index(label) for label in labels]
    network = run.model()
    model = keras.Sequential(
        [keras.Input(network.input_shape[1:]), network, Calibrated(places, temperature)], name=network.name
    )
    predictions = _answered(run.predictions(), labels, temperature)
    scores = evaluation.score(predictions, labels)
    return store.write(
        out,
        facts
        | {
            "labels": labels,
            "by_protocol": by_protocol(run),
            "examples": facts["examples"] | {"test": len(predictions)},
            "calibration": {
                "temperature": temperature,
                "clips": len(clips),
                "error_before": before,
                "error_after": after,
            },
        },
        run.history(),
        predictions,
        scores,
        model,
    )


def _unseen(run):
    """The first whole repetition of the run's experiment on unseen speakers. Raises UserError where there is none."""
    repetitions = [item for item in siblings(run) if item.facts["protocol"] == UNSEEN]
    if not repetitions:
        raise UserError(
            f"{run.folder}: no whole repetition of {run.facts['experiment']} on unseen speakers is stored beside it, "
            f"to calibrate it by: reproduce {run.facts['report']} with --protocols {UNSEEN}"
        )
    return repetitions[0]


def _folds(run):
    """What the folds of :func:`_unseen` answered for clips that the run does not test. Those that it tests, of its own
    fold or of a corpus that it never heard, judge the calibrated model and have no part in it. → list of DataFrame

    Raises UserError where fewer than two folds have such clips: the errors are of each by the others.
    """
    tested = set(run.predictions()["clip"])
    folds = [item.predictions() for item in _unseen(run).runs]
    folds = [fold[~fold["clip"].isin(tested)] for fold in folds]
    folds = [fold for fold in folds if len(fold)]
    if len(folds) < 2:
        raise UserError(
            f"{run.folder}: fewer than two folds on unseen speakers have other clips than this run tests, to calibrate "
            "it by: calibrate a run of another protocol"
        )
    return folds


def _answered(predictions, labels, temperature):
    """The test clips of ``labels`` as the calibrated model answers them. → DataFrame of predictions"""
    probabilities, _, kept = calibration.answers(predictions, labels)
    probabilities = calibration.flattened(probabilities, temperature)
    others = [name for name in predictions if not name.startswith("p_")]
    table = predictions.loc[kept, others].reset_index(drop=True)
    table["predicted"] = np.asarray(labels)[probabilities.argmax(axis=1)]
    return pd.concat([table, pd.DataFrame(probabilities, columns=[f"p_{label}" for label in labels])], axis=1)
