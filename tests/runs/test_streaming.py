"""Trainings whose features are made in the step: the same models as of cached features, in a place of their own."""

import dataclasses
import functools
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_ser import corpora, reports
from keras_ser.data import augmentation
from keras_ser.data.augmentation import Copies, with_copies
from keras_ser.errors import UserError
from keras_ser.runs import planning, runner

CNN = "cnn/mean_squared_error"
AUGMENTATION = functools.partial(
    with_copies, plan=(Copies("pitch_shift", 1, -3.0, 3.0), Copies("time_stretch", 1, 0.8, 1.2))
)
TESS = "tess_mfcc", "cnn_lstm", "as_reported"


def run(name, experiment, protocol, pipeline, data, folder):
    report = reports.load(name)
    material = planning.gather(report, "a corpus", corpora.joined(report.corpora, data))
    if name == "emodb_losses":
        report = dataclasses.replace(report, augmentation=AUGMENTATION)
    setting = planning.Setting(report, material, folder / pipeline, folder / "cache", epochs=2, pipeline=pipeline)
    (item,) = runner.run_all(setting, [report.experiment(experiment)], [protocol], [0])
    return item


@pytest.fixture(scope="module")
def emodb(embedded, tmp_path_factory):
    """Way → a run of it."""
    folder = tmp_path_factory.mktemp("emodb")
    return functools.cache(lambda pipeline: run("emodb_losses", CNN, "clip_disjoint", pipeline, embedded, folder))


def weights(item):
    return keras.saving.load_model(item.folder / "model.keras").get_weights()


def check_the_same(cached, streamed):
    for one, other in zip(weights(cached), weights(streamed), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)
    history, again = (item.history().drop(columns="seconds") for item in (cached, streamed))
    np.testing.assert_allclose(history, again, rtol=0, atol=1e-4)
    answers, others = (item.predictions().filter(like="p_") for item in (cached, streamed))
    np.testing.assert_allclose(answers, others, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_streamed_features_give_the_model_of_cached_ones(emodb):
    cached, streamed = emodb("cached"), emodb("streamed")
    check_the_same(cached, streamed)
    assert "way" not in cached.facts["decided_by"]
    assert streamed.facts["decided_by"] == {**cached.facts["decided_by"], "way": "streamed"}
    assert cached.facts["identity"] != streamed.facts["identity"]


@pytest.mark.slow
def test_a_normalisation_by_statistics_of_all_clips_is_the_same(embedded, tmp_path):
    check_the_same(*(run(*TESS, pipeline, embedded, tmp_path) for pipeline in ("cached", "streamed")))


@pytest.mark.slow
def test_fresh_augmentation_gives_another_model_and_repeats_to_the_bit(emodb, embedded, tmp_path, monkeypatch):
    epochs, draw = [], augmentation.draw_in_epoch
    monkeypatch.setattr(augmentation, "draw_in_epoch", lambda *of: epochs.append(of[1]) or draw(*of))
    again = run("emodb_losses", CNN, "clip_disjoint", "fresh", embedded, tmp_path)
    train = again.facts["examples"]["train"]
    assert epochs == [0] * train + [1] * train
    monkeypatch.undo()
    fresh, streamed = emodb("fresh"), emodb("streamed")
    for one, same, other in zip(weights(fresh), weights(again), weights(streamed), strict=True):
        np.testing.assert_array_equal(one, same)
        assert (one != other).any()
    assert len({item.facts["identity"] for item in (fresh, streamed)}) == 2


@pytest.mark.slow
def test_a_recording_that_goes_while_training_is_named(embedded, tmp_path, monkeypatch):
    data = shutil.copytree(embedded, tmp_path / "data")
    gather, damaged = planning.gather, []

    def then_damaged(*args):
        material = gather(*args)
        damaged.append(material.manifest["path"][7])
        Path(damaged[0]).write_bytes(b"RIFF")
        return material

    monkeypatch.setattr(planning, "gather", then_damaged)
    with pytest.raises(UserError) as caught:
        run("emodb_losses", CNN, "clip_disjoint", "streamed", data, tmp_path)
    assert str(caught.value).startswith(f"{damaged[0]}: ")
    assert "\n" not in str(caught.value)


def test_an_svm_is_not_streamed(embedded, tmp_path):
    with pytest.raises(UserError, match=r"svm/energy is fitted to all examples at once.* --experiments"):
        run("spectral_features", "svm/energy", "clip_disjoint", "streamed", embedded, tmp_path)
