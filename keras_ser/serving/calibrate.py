"""A stored run as a model to be asked about anybody: of the classes that all its corpora have, by probabilities that
hold for unseen speakers.

In: a run, and beside it a whole repetition of the same experiment under ``speaker_independent``. Out: a run's folder
with the same network and :class:`~keras_ser.models.calibrated.Calibrated` after it, and its test clips answered so.

A network that is adapted to other recordings (:meth:`keras_ser.serving.predict.Predictor.adapted`) is surer than it
should be. By what temperature its probabilities hold then is told by networks of the same experiment that were trained
on other corpora (``corpus_independent``), each adapted to the corpus that it never heard.
"""

import keras
import numpy as np
import pandas as pd

from keras_ser.errors import UserError
from keras_ser.models.calibrated import Calibrated
from keras_ser.runs import archive, layout, passes, store
from keras_ser.serving import export, predict
from keras_ser.serving.evaluate import evaluate
from keras_ser.training import calibration, evaluation

UNSEEN, UNHEARD = "speaker_independent", "corpus_independent"


def calibrate(folder, out, root=None):
    """Write the run in ``folder``, calibrated, to the folder ``out``. → store.Run

    Its record holds ``calibration``: ``temperature``, fitted to the ``clips`` of the unseen speakers, and the expected
    calibration ``error_before`` and ``error_after``, of each fold by the temperature of the others; and ``adapted``,
    the same of networks that are adapted to unseen ``corpora``, where two or more of them are stored beside the run
    with their models and have their recordings in the data root ``root``; else None.

    Raises UserError where nothing is stored for unseen speakers, the run is calibrated already, or there is something
    at ``out``.
    """
    run = export.open_run(folder)
    facts = run.facts
    if "calibration" in facts:
        raise UserError(f"{folder}: is calibrated already")
    export.check_is_free(out)
    labels = facts.get("common_labels", facts["labels"])
    folds = [item.predictions() for item in _unseen(run).runs]
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
            "by_protocol": export.by_protocol(run),
            "examples": facts["examples"] | {"test": len(predictions)},
            "calibration": {
                "temperature": temperature,
                "clips": len(clips),
                "error_before": before,
                "error_after": after,
                "adapted": _adapted(run, labels, root),
            },
        },
        run.history(),
        predictions,
        scores,
        model,
    )


def _unseen(run):
    """The first whole repetition of the run's experiment on unseen speakers. Raises UserError where there is none."""
    found = passes.whole(_same(run, UNSEEN))
    if not found:
        root = layout.root_of(run.folder.resolve(), run.facts)
        raise UserError(
            f"{root}: no whole repetition of {run.facts['experiment']} on unseen speakers is stored "
            f"to calibrate it by: reproduce {run.facts['report']} with --protocols {UNSEEN}"
        )
    return found[0]


def _same(run, protocol):
    """The stored runs of the run's setup under ``protocol``."""
    stored = archive.read_all(layout.root_of(run.folder.resolve(), run.facts), run.facts["report"])
    same = [item for item in stored if item.facts["setup"] == run.facts["setup"] and not item.diverged]
    return [item for item in same if item.facts["protocol"] == protocol]


def _adapted(run, labels, root):
    """``adapted`` of :func:`calibrate`."""
    tables = {}
    for item in _same(run, UNHEARD):
        clips = export.stored_clips(item, root) if root else pd.DataFrame()
        if item.folder.resolve() == run.folder.resolve() or clips.empty or not store.is_complete(item):
            continue
        predictor = predict.load(item.folder)
        if predictor.standardised is None:
            return None
        adapted = predictor.adapted(list(clips["path"]))
        found = evaluate(adapted, clips.assign(emotion=clips["true"], gender="")).predictions
        # What the corpus has no clip of is not answered.
        found = found.reindex(columns=["true", *(f"p_{label}" for label in labels)], fill_value=0.0)
        tables[clips["corpus"].iloc[0]] = found
    if len(tables) < 2:
        return None
    clips = calibration.held_out(list(tables.values()), labels)
    probabilities, true, _ = calibration.answers(pd.concat(tables.values(), ignore_index=True), labels)
    before, after = calibration.errors(clips)
    return {
        "temperature": calibration.temperature(probabilities, true),
        "corpora": sorted(tables),
        "clips": len(clips),
        "error_before": before,
        "error_after": after,
    }


def _answered(predictions, labels, temperature):
    """The test clips of ``labels`` as the calibrated model answers them. → DataFrame of predictions"""
    probabilities, _, kept = calibration.answers(predictions, labels)
    probabilities = calibration.flattened(probabilities, temperature)
    others = [name for name in predictions if not name.startswith("p_")]
    table = predictions.loc[kept, others].reset_index(drop=True)
    table["predicted"] = np.asarray(labels)[probabilities.argmax(axis=1)]
    return pd.concat([table, pd.DataFrame(probabilities, columns=[f"p_{label}" for label in labels])], axis=1)
