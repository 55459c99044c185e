import importlib.util
import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import keras_ser
from keras_ser import audio, reports
from keras_ser.cli import commands
from keras_ser.data import features
from keras_ser.errors import UserError
from keras_ser.reports import opensmile

SET = "eGeMAPSv02"
EXPERIMENT = "svm_egemaps/emodb"


@pytest.fixture
def answered(monkeypatch):
    """A stand-in for openSMILE. → list of the clips' lengths that it was asked about"""
    lengths = []

    def process_signal(y, sr):
        lengths.append(len(y))
        parts = [part.std() for part in np.array_split(y, 87)]
        return pd.DataFrame([[*parts, np.nan]])

    monkeypatch.setattr(opensmile, "extractor", lambda feature_set: SimpleNamespace(process_signal=process_signal))
    monkeypatch.setitem(features.LIBRARIES, "opensmile", ())
    return lengths


@pytest.mark.slow
def test_an_svm_on_features_that_have_no_graph(answered, embedded, tmp_path):
    options = {"data": embedded, "protocol": "speaker_independent", "out": tmp_path}
    first = keras_ser.run("unseen_speakers", EXPERIMENT, **options)
    n_clips = len(answered)
    assert n_clips == first.facts["clips_by_corpus"]["emodb"]  # each once for all folds, and of no other corpus
    assert set(first.predictions["corpus"]) == {"emodb"}
    assert first.facts["features"] == "opensmile"
    again = keras_ser.run("unseen_speakers", EXPERIMENT, **options)
    assert again.metrics == first.metrics
    assert len(answered) == n_clips
    with pytest.raises(UserError, match="features of opensmile, which an exported model cannot compute"):
        keras_ser.export(first.folders[0], tmp_path / "model")


def test_what_it_cannot_say_is_zero(answered, rng):
    found = opensmile.functionals(rng.normal(size=8700).astype(np.float32), 16000, feature_set=SET)
    assert found.dtype == np.float32
    assert (found[:-1] > 0.5).all()
    assert found[-1] == 0


def test_only_those_who_name_it_need_it(monkeypatch, embedded, tmp_path, capsys):
    def version(name):
        if name == "opensmile":
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(features, "version", version)
    words = ["reproduce", "unseen_speakers", "--data", str(embedded), "--out", str(tmp_path), "--quiet"]
    assert commands.main([*words, "--experiments", EXPERIMENT]) == 2
    assert "opensmile is not installed, which this command needs: pip install 'keras-ser[opensmile]'" in (
        capsys.readouterr().err
    )
    listed = reports.load("unseen_speakers").experiments
    assert {item.name for item in listed if item.front_end.library} == {item.name for item in listed if item.extension}


ALONE = """
import json, sys, opensmile, soundfile
asked = opensmile.Smile(opensmile.FeatureSet[sys.argv[2]], opensmile.FeatureLevel.Functionals)
print(json.dumps(asked.process_signal(*soundfile.read(sys.argv[1], dtype="float32")).to_numpy().tolist()[0]))
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("opensmile") is None, reason="openSMILE is not installed")
@pytest.mark.parametrize("name", opensmile.SETS)
def test_beside_tensorflow_it_says_the_same(name, embedded):
    """Its library and TensorFlow's in one process end it, unless the former keeps to its own symbols."""
    feature_set, n_features, *_ = opensmile.SETS[name]
    path = sorted((embedded / "emodb").glob("*.wav"))[0]
    found = opensmile.functionals(*audio.read(path), feature_set=feature_set)
    assert found.shape == (n_features,)
    said = subprocess.run([sys.executable, "-c", ALONE, path, feature_set], capture_output=True, text=True, check=True)
    np.testing.assert_allclose(found, np.nan_to_num(json.loads(said.stdout)), rtol=1e-6, atol=1e-6)
