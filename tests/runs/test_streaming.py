"""Trainings whose features are made in the step: the same models as of cached features, in a place of their own."""

import shutil

import keras
import numpy as np
import pytest

from keras_ser import corpora, reports
from keras_ser.data import augmentation
from keras_ser.errors import UserError
from keras_ser.runs import runner

CNN = "cnn/mean_squared_error"


def gathered(name, root):
    report = reports.load(name)
    return report, runner.gather(report, "a corpus", corpora.joined(report.corpora, root))


def run(report, material, folder, name, way, protocol="clip_disjoint"):
    (item,) = runner.run_all(
        report,
        material,
        root=folder / way / "runs",
        cache_root=folder / "cache",
        experiments=[report.experiment(name)],
        protocol_names=[protocol],
        repetitions=[0],
        backend="tensorflow",
        epochs=2,
        way=way,
    )
    return item


def weights(item):
    return keras.saving.load_model(item.folder / "model.keras").get_weights()


# Augmentation in the one, and in the other normalisation, by statistics of all clips.
@pytest.mark.parametrize(
    ("name", "experiment", "protocol"),
    [("emodb_losses", CNN, "clip_disjoint"), ("tess_mfcc", "cnn_lstm", "as_reported")],
)
def test_streamed_features_give_the_model_of_cached_ones(name, experiment, protocol, embedded, tmp_path):
    report, material = gathered(name, embedded)
    cached, streamed = (run(report, material, tmp_path, experiment, way, protocol) for way in ("cached", "streamed"))
    for one, other in zip(weights(cached), weights(streamed), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)
    history, again = (item.history().drop(columns="seconds") for item in (cached, streamed))
    np.testing.assert_allclose(history, again, rtol=0, atol=1e-4)
    answers, others = (item.predictions().filter(like="p_") for item in (cached, streamed))
    np.testing.assert_allclose(answers, others, rtol=0, atol=1e-4)
    assert "way" not in cached.facts["decided_by"]
    assert streamed.facts["decided_by"] == {**cached.facts["decided_by"], "way": "streamed"}
    assert cached.facts["identity"] != streamed.facts["identity"]


def test_fresh_augmentation_gives_another_model_and_repeats_to_the_bit(embedded, tmp_path, monkeypatch):
    report, material = gathered("emodb_losses", embedded)
    epochs, draw = [], augmentation.draw_in_epoch
    monkeypatch.setattr(augmentation, "draw_in_epoch", lambda *of: epochs.append(of[1]) or draw(*of))
    fresh, again = (run(report, material, tmp_path / name, CNN, "fresh") for name in "ab")
    train = fresh.facts["examples"]["train"]
    assert epochs == ([0] * train + [1] * train) * 2
    streamed = run(report, material, tmp_path, CNN, "streamed")
    for one, same, other in zip(weights(fresh), weights(again), weights(streamed), strict=True):
        np.testing.assert_array_equal(one, same)
        assert (one != other).any()
    assert fresh.facts["identity"] == again.facts["identity"] != streamed.facts["identity"]


def test_a_recording_that_goes_while_training_is_named(embedded, tmp_path):
    data = shutil.copytree(embedded, tmp_path / "data")
    report, material = gathered("emodb_losses", data)
    path = material.manifest["path"][7]
    (data / path).write_bytes(b"RIFF")
    with pytest.raises(UserError) as caught:
        run(report, material, tmp_path, CNN, "streamed")
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_an_svm_is_not_streamed(embedded, tmp_path):
    report, material = gathered("spectral_features", embedded)
    with pytest.raises(UserError, match=r"svm/energy is fitted to all examples at once.* --experiments"):
        run(report, material, tmp_path, "svm/energy", "streamed")
