"""A run that is calibrated is a run: read, answered by and exported as any other."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from keras_ser import corpora, reports
from keras_ser.cli import commands
from keras_ser.errors import UserError
from keras_ser.runs import planning, runner, store
from keras_ser.serving import calibrate as calibrating
from keras_ser.serving import export, predict, tflite
from keras_ser.serving.calibrate import calibrate
from keras_ser.serving.chain import stored_clips
from keras_ser.training import calibration

pytestmark = pytest.mark.slow

OF_SOME = "Classes that only some of its corpora have"  # words of a card


@pytest.fixture(scope="module")
def all_runs(embedded, tmp_path_factory):
    """Of three corpora with different classes: a whole repetition on unseen speakers, and one on unseen corpora."""
    folder, report = tmp_path_factory.mktemp("runs"), reports.load("unseen_speakers")
    report = dataclasses.replace(report, split=dataclasses.replace(report.split, n_folds=3))
    material = planning.gather(report, "corpora", corpora.joined(report.corpora, embedded))
    setting = planning.Setting(report, material, folder, folder / "cache", epochs=1)
    protocols = ["speaker_independent", "corpus_independent"]
    return runner.run_all(setting, [report.experiment("mlp")], protocols, range(1))


@pytest.fixture(scope="module")
def trained(all_runs):
    return all_runs[0]


@pytest.fixture(scope="module")
def of_unseen_corpora(all_runs):
    """Name of the corpus that was tested → the run that was trained on the others."""
    runs = [run for run in all_runs if run.facts["protocol"] == "corpus_independent"]
    return {run.predictions()["corpus"][0]: run for run in runs}


@pytest.fixture(scope="module")
def calibrated(trained, tmp_path_factory):
    return calibrate(trained.folder, tmp_path_factory.mktemp("calibrated") / "model")


def greatest_difference(run, out, stored):
    """Of an exported run's answers, in 32 bits, also from those that it stored for its clips."""
    differences = export.export(run, out, stored)
    assert differences.pop("TensorFlow Lite, weights of 16 bits, one clip at a time") < tflite.TOLERANCE[16]
    assert any("as the run stored them" in asked for asked in differences)
    return max(differences.values())


def test_it_answers_of_the_classes_that_all_corpora_have(trained, calibrated):
    common = ("anger", "disgust", "fear", "happiness", "neutral", "sadness")
    assert tuple(calibrated.facts["labels"]) == tuple(trained.facts["common_labels"]) == common
    table, before = calibrated.predictions(), trained.predictions()
    before = before[before["true"].isin(common)].reset_index(drop=True)
    assert list(table["clip"]) == list(before["clip"])
    raw = before[[f"p_{label}" for label in common]]
    assert list(table["predicted"]) == list(raw.columns[raw.to_numpy().argmax(axis=1)].str.removeprefix("p_"))
    expected = calibration.flattened(
        raw.div(raw.sum(axis=1), axis=0).to_numpy(), calibrated.facts["calibration"]["temperature"]
    )
    np.testing.assert_allclose(table[raw.columns], expected, atol=1e-5)


def test_a_run_as_it_was_trained_says_which_classes_mean_nothing(trained, embedded, tmp_path):
    """And is exported, though what it stored of a clip is what it gives to the classes that the clip's corpus has."""
    assert "boredom, calm, surprise: classes that only some of its corpora have" in predict.load(trained.folder).caution
    stored = stored_clips(trained, embedded)
    assert (stored["p_boredom"] == 0).any()
    assert greatest_difference(trained, tmp_path / "exported", stored) < 1e-3
    assert OF_SOME in (tmp_path / "exported" / "README.md").read_text()


def test_an_unseen_corpus_is_asked_of_what_the_others_know(of_unseen_corpora):
    assert set(of_unseen_corpora) == {"emodb", "ravdess", "crema_d"}
    run = of_unseen_corpora["ravdess"]
    predictions = run.predictions()
    asked = predictions.filter(regex="^p_").any()
    assert set(asked.index[asked].str.removeprefix("p_")) == set(run.facts["common_labels"]) == set(predictions["true"])
    assert "boredom" not in of_unseen_corpora["emodb"].facts["common_labels"]


def test_its_model_answers_what_it_stored_and_its_card_says_what_it_heard(of_unseen_corpora, embedded, tmp_path):
    model = calibrate(of_unseen_corpora["ravdess"].folder, tmp_path / "model")
    stored = stored_clips(store.read(model.folder), embedded)
    assert greatest_difference(model, tmp_path / "exported", stored) < 1e-3
    assert predict.load(tmp_path / "exported").labels == predict.load(model.folder).labels
    card = (tmp_path / "exported" / "README.md").read_text()
    assert f"temperature {model.facts['calibration']['temperature']:.2f}" in card
    assert OF_SOME not in card
    assert "Trained on Emo-DB and CREMA-D, 84 clips" in card
    assert "RAVDESS" not in card.partition("## Scores")[0].replace("CREMA-D, RAVDESS, Emo-DB: a network", "")


def unseen_clips(all_runs, labels):
    """Those of ``labels`` in all folds of unseen speakers."""
    runs = [run for run in all_runs if run.facts["protocol"] == "speaker_independent"]
    predictions = pd.concat([run.predictions() for run in runs])
    return predictions[predictions["true"].isin(labels)]


def test_its_own_test_clips_have_no_part_in_its_temperature(all_runs, trained, calibrated, of_unseen_corpora, tmp_path):
    clips = unseen_clips(all_runs, calibrated.facts["labels"])
    others = clips[~clips["clip"].isin(trained.predictions()["clip"])]
    assert calibrated.facts["calibration"]["clips"] == len(others) < len(clips)
    model = calibrate(of_unseen_corpora["ravdess"].folder, tmp_path / "model")
    heard = clips[clips["corpus"] != "ravdess"]
    assert model.facts["calibration"]["clips"] == len(heard) < len(clips)
    assert model.facts["calibration"]["temperature"] == pytest.approx(
        calibration.temperature(*calibration.answers(heard, model.facts["labels"])[:2])
    )


def test_one_fold_alone_cannot_be_judged_by_others(all_runs, trained, monkeypatch, tmp_path):
    """As of two speakers, whose run tests one of them."""
    unseen = [run for run in all_runs if run.facts["protocol"] == "speaker_independent"]
    monkeypatch.setattr(calibrating, "_unseen", lambda run: SimpleNamespace(runs=unseen[:2]))
    with pytest.raises(UserError, match="fewer than two folds on unseen speakers have other clips than this run tests"):
        calibrate(trained.folder, tmp_path / "model")


def test_what_cannot_be_calibrated(trained, calibrated, runs, tmp_path):
    with pytest.raises(UserError, match="is calibrated already"):
        calibrate(calibrated.folder, tmp_path / "again")
    with pytest.raises(UserError, match="no whole repetition of cnn/mean_squared_error on unseen speakers is stored"):
        calibrate(runs["emodb_losses"].folder, tmp_path / "other")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(UserError, match="is not empty"):
        calibrate(trained.folder, tmp_path / "taken")


def test_command(trained, tmp_path, capsys):
    assert not commands.main(["calibrate", str(trained.folder), "--out", str(tmp_path / "model")])
    facts = store.read(tmp_path / "model").facts
    assert f"temperature {facts['calibration']['temperature']:.3f}, fitted to" in capsys.readouterr().out
    assert pd.notna(facts["by_protocol"]["speaker_independent"]["uar"])
