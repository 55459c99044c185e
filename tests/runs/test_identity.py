"""What makes two runs the same, and what does not: seen in the setup of an experiment and the identity of its units."""

import dataclasses
from pathlib import Path

import keras
import pytest

from keras_ser import corpora, reports
from keras_ser.data import features
from keras_ser.data.augmentation import Copies, with_copies
from keras_ser.dsp import cepstrum, decibel, resample
from keras_ser.models.cnn import cnn
from keras_ser.runs import identity, planning, train

REPORT = reports.load("emodb_losses")
CNN = REPORT.experiment("cnn/categorical_crossentropy")
CALLBACKS = '''
import keras


def callbacks():
    """When to stop."""
    return [keras.callbacks.EarlyStopping(patience={})]
'''


@pytest.fixture(scope="module")
def material(embedded):
    return planning.gather(REPORT, "Emo-DB", corpora.manifest("emodb", embedded))


def setting_of(material, report=REPORT, **options):
    return planning.Setting(report, material, Path(), Path(), **options)


def setup(material, experiment=CNN, **options):
    return identity.setup_digest(planning.setup(setting_of(material, **options), experiment))


def with_training(**changes):
    return dataclasses.replace(CNN, training=dataclasses.replace(CNN.training, **changes))


def less_dropout(n_classes):
    model = cnn((13, 150, 1), n_classes)
    config = model.get_config()
    (dropout,) = [layer["config"] for layer in config["layers"] if layer["class_name"] == "Dropout"]
    dropout["rate"] = 0.4
    return keras.Sequential.from_config(config)


OTHERS = {
    "dropout": dataclasses.replace(CNN, model=less_dropout),
    "loss": dataclasses.replace(CNN, loss="mean_squared_error"),
    "before": dataclasses.replace(CNN, before=lambda: [keras.layers.Rescaling(2.0)]),
    "optimizer": with_training(optimizer="sgd"),
    "batch size": with_training(batch_size=16),
    "epochs": with_training(epochs=49),
    "refit": with_training(refit=True),
    "rate": dataclasses.replace(CNN, front_end=dataclasses.replace(CNN.front_end, sample_rate=8000)),
}


def test_how_many_optimizers_a_process_has_made_does_not_count(monkeypatch):
    first = identity.training_facts(CNN, None)
    assert first["optimizer"]["name"] == "adam"
    monkeypatch.setattr(keras.optimizers, "get", lambda name: keras.optimizers.Adam(name="adam_12"))
    assert identity.training_facts(CNN, None) == first


@pytest.mark.slow
def test_what_decides_a_result_is_in_the_setup(material):
    same = setup(material)
    assert same == setup(material, dataclasses.replace(CNN, note="explained", extension=True))
    assert same == setup(material, report=dataclasses.replace(REPORT, title="another title", not_stated=()))
    found = {what: setup(material, other) for what, other in OTHERS.items()}
    found["statistics"] = setup(material, report=dataclasses.replace(REPORT, statistics_from_all=True))
    found["classes"] = setup(material, report=dataclasses.replace(REPORT, classes_by_corpus=True))
    found["backend"] = setup(material, backend="librosa")
    found["fewer epochs"] = setup(material, epochs=1)
    for what, change in (("clips", {"manifest": material.manifest[1:]}), ("corpus", {"title": "a title"})):
        found[what] = setup(dataclasses.replace(material, **change))
    assert found.pop("corpus") == same  # titles decide nothing
    assert same not in found.values()
    assert len(set(found.values())) == len(found)


def test_callbacks_are_compared_by_what_they_do(material, package_module):
    texts = [CALLBACKS.format(5), CALLBACKS.format(6), CALLBACKS.format(5).replace("When", "Why and when")]
    five, six, explained = (setup(material, with_training(callbacks=package_module(text).callbacks)) for text in texts)
    assert five == explained != six


def test_the_code_of_the_features_decides_and_that_of_others_does_not(material, monkeypatch):
    def now():
        features.front_end_facts.cache_clear()
        return setup(material)

    before = now()
    with monkeypatch.context() as patch:
        patch.setattr("keras_ser.dsp.shape.band_shape", lambda *_, **__: None)  # of another report's features
        assert now() == before
    with monkeypatch.context() as patch:
        patch.setattr(cepstrum, "power_to_db", lambda *values, **options: decibel.power_to_db(*values, **options))
        assert now() != before
    with monkeypatch.context() as patch:
        patch.setattr(resample, "resample", lambda *_, **__: None)
        assert now() != before
    assert now() == before


def identities(material, report=REPORT, names=("clip_disjoint",), repetitions=(0,), experiment=CNN):
    units = planning.plan(setting_of(material, report, epochs=1), [experiment], names, repetitions)
    return [unit.identity for unit in units]


def narrower(manifest, seed):
    return with_copies(manifest, seed, (Copies("pitch_shift", 3, -2.0, 2.0), Copies("time_stretch", 3, 0.8, 1.2)))


def test_what_is_of_the_single_run(material):
    same = identities(material)
    assert same == identities(material)
    others = [
        identities(material, dataclasses.replace(REPORT, augmentation=narrower)),
        identities(material, experiment=dataclasses.replace(CNN, augmentation=narrower)),
        identities(material, dataclasses.replace(REPORT, split=dataclasses.replace(REPORT.split, random_state=1))),
        identities(material, names=["as_reported"]),
        identities(material, repetitions=[1]),
    ]
    assert others[0] == others[1]  # the same examples, whoever asks for them
    assert same not in others
    of_folds = identities(material, names=["speaker_independent"], repetitions=range(2))
    assert len(set(of_folds)) == len(of_folds) == 2 * 5


def test_the_environment_is_recorded_and_never_compared(material, monkeypatch):
    before, was = identities(material), train.environment()
    monkeypatch.setattr(train.platform, "python_version", lambda: "3.99.1")
    monkeypatch.setattr(train, "version", lambda name: "99.0")
    assert train.environment() != was
    assert identities(material) == before


def test_moving_the_corpus_or_naming_it_otherwise_changes_nothing(material):
    moved = material.manifest.assign(path="/elsewhere/" + material.manifest["clip"])
    assert identities(dataclasses.replace(material, manifest=moved, title="another title")) == identities(material)
