"""Runs that make no model from waveform to probabilities."""

import dataclasses
import json
import shutil

import keras
import pytest

from keras_ser.errors import UserError
from keras_ser.runs import store
from keras_ser.serving.chain import chain, open_run


def test_runs_that_cannot_be_exported(runs, tmp_path):
    with pytest.raises(UserError, match="no run is stored there"):
        open_run(tmp_path)
    folder = shutil.copytree(runs["tess_mfcc"].folder, tmp_path / "run")
    (folder / "model.keras").unlink()
    with pytest.raises(UserError, match=r"model\.keras is missing"):
        open_run(folder)
    facts = {**runs["tess_mfcc"].facts, "diverged_at": 3}
    (folder / "run.json").write_text(json.dumps(facts))
    (folder / "metrics.json").write_text("{}")
    with pytest.raises(UserError, match="diverged in epoch 3"):
        open_run(folder)
    facts = runs["tess_mfcc"].facts
    another = {**facts, "decided_by": {**facts["decided_by"], "front_end": "another"}}
    with pytest.raises(UserError, match="other features than this version computes: reproduce the run"):
        chain(dataclasses.replace(runs["tess_mfcc"], facts=another))
    by_librosa = dataclasses.replace(runs["tess_mfcc"], facts={**facts, "features": "librosa"})
    with pytest.raises(UserError, match=r"which an exported model cannot compute: .* with --backend tensorflow"):
        chain(by_librosa)


def test_a_model_of_other_features_is_refused(runs, tmp_path):
    folder = shutil.copytree(runs["tess_mfcc"].folder, tmp_path / "run")
    run = store.read(folder)
    n_inputs, n_outputs = 2, len(run.facts["labels"])
    n_wanted = run.facts["parameters"] - (n_inputs + 1) * n_outputs
    inputs = keras.Input((n_inputs,))
    pad = keras.layers.Embedding(n_wanted, 1)  # as many parameters as the run's
    outputs = keras.layers.Dense(n_outputs)(inputs) + keras.ops.mean(pad(inputs), axis=1)
    keras.Model(inputs, outputs).save(folder / "model.keras")
    with pytest.raises(UserError, match=r"model\.keras: takes features .* the report's are"):
        chain(run)
