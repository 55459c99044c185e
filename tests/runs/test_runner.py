"""Every experiment of every report for one epoch on the embedded corpus, and what a run promises."""

import dataclasses

import keras
import numpy as np
import pandas as pd
import pytest

from keras_ser import corpora, reports
from keras_ser.analysis import reported
from keras_ser.data import features, protocols
from keras_ser.errors import UserError
from keras_ser.output import figures
from keras_ser.runs import runner, store


def gathered(name, embedded):
    report = reports.load(name)
    return runner.gather(report, corpora.titles(report.corpora), corpora.joined(report.corpora, embedded))


@pytest.fixture(scope="module")
def material(embedded):
    return gathered("emodb_losses", embedded)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("out")


def run(report, material, folder, *, names, protocols=("clip_disjoint",), seeds=(0,), epochs=1, root="runs"):
    return runner.run_all(
        report,
        material,
        root=folder / root,
        cache_root=folder / "cache",
        experiments=[report.experiment(name) for name in names],
        protocol_names=protocols,
        seeds=seeds,
        engine="in_graph",
        epochs=epochs,
    )


@pytest.mark.parametrize("name", reports.NAMES)
def test_every_experiment_runs_one_epoch(name, embedded, folder):
    report, material = reports.load(name), gathered(name, embedded)
    runs = run(report, material, folder, names=[item.name for item in report.experiments])
    for item in runs:
        assert not item.diverged
        assert item.facts["epochs_run"] == (0 if item.facts["optimizer"] == "libsvm" else 1)
        shared = item.facts["shared"]
        n = item.facts["examples"]["test"]
        assert (shared["test"], shared["clip"], shared["content"]) == (n, 0, 0)
        assert shared["speaker"] > n / 2  # clips are disjoint, speakers are not
        predictions = item.predictions()
        assert list(predictions["predicted"].isin(report.labels)) == [True] * n
        np.testing.assert_allclose(predictions.filter(like="p_").sum(axis=1), 1, atol=1e-4)
        assert item.metrics["accuracy"] == np.mean(predictions["true"] == predictions["predicted"])


def test_a_stored_model_predicts_what_the_run_says(material, folder):
    report = reports.load("emodb_losses")
    (item,) = run(report, material, folder, names=["cnn_lstm/mean_squared_error"])
    predictions = item.predictions()
    front_end = report.experiments[0].front_end
    values = features.compute(
        predictions[["clip", "copy", "transform", "amount"]], material.manifest, front_end, cache_root=folder / "cache"
    )
    model = keras.models.load_model(item.folder / "model.keras")
    np.testing.assert_allclose(model.predict(values, verbose=0), predictions.filter(like="p_"), atol=1e-5)


def test_what_is_stored_is_not_run_again_and_what_is_missing_is(material, folder, monkeypatch):
    report = reports.load("emodb_losses")
    cnn = "cnn/mean_squared_error"
    (first,) = run(report, material, folder, names=[cnn], root="again")
    stamp = (first.folder / "run.json").stat().st_mtime_ns
    runs = run(report, material, folder, names=[cnn], protocols=("clip_disjoint", "as_reported"), root="again")
    assert (first.folder / "run.json").stat().st_mtime_ns == stamp
    assert [item.facts["protocol"] for item in runs] == ["clip_disjoint", "as_reported"]
    # Another number of epochs is another setup.
    run(report, material, folder, names=[cnn], epochs=2, root="again")
    assert store.read(first.folder).facts["epochs_run"] == 2
    stored = runner.stored(report, material, root=folder / "again", engine="in_graph", epochs=1)
    assert stored == [runs[1]]


def test_a_seed_repeats_to_the_bit(material, folder):
    report = reports.load("emodb_losses")
    runs = [run(report, material, folder, names=["cnn/mean_squared_error"], root=root)[0] for root in ("a", "b")]
    pd.testing.assert_frame_equal(runs[0].predictions(), runs[1].predictions(), check_exact=True)
    (other,) = run(report, material, folder, names=["cnn/mean_squared_error"], seeds=(1,), root="a")
    assert not np.allclose(other.history()["loss"], runs[0].history()["loss"])


def test_a_diverging_run_is_listed_and_not_averaged(material, folder):
    report = reports.load("emodb_losses")

    def exploding(n_classes):
        inputs = keras.Input((13, 150, 1))
        huge = keras.layers.Rescaling(1e38)(keras.layers.Flatten()(inputs))
        return keras.Model(inputs, keras.layers.Dense(n_classes)(keras.layers.Rescaling(1e38)(huge)))

    item = dataclasses.replace(report.experiments[1], model=exploding)
    report = dataclasses.replace(report, experiments=(report.experiments[0], item, *report.experiments[2:]))
    good, bad = run(report, material, folder, names=[report.experiments[0].name, item.name], root="diverging")
    assert bad.diverged
    assert bad.facts["diverged_at"] == 1
    assert bad.metrics == {}
    assert not (bad.folder / "predictions.csv").exists()
    assert store.is_complete(bad)
    table = reported.table(report, [good, bad]).set_index(["experiment", "metric"])
    row = table.loc[(item.name, "accuracy")]
    assert (row["n"], row["diverged"]) == (0, 1)
    assert pd.isna(row["mean"])
    assert "nan" not in reported.markdown(report, table.reset_index(), [good, bad]).lower()
    paths = figures.all_of_report(report, material, [good, bad], table.reset_index(), folder / "figures")
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


@pytest.mark.parametrize(
    ("protocol", "sides"), [("as_reported", ("train", "validation", "test")), ("speaker_independent", ("train",))]
)
def test_statistics_come_from_train_unless_the_report_took_them_before_its_split(protocol, sides, embedded, folder):
    report, material = reports.load("tess_mfcc"), gathered("tess_mfcc", embedded)
    (item,) = run(report, material, folder, names=["cnn"], protocols=(protocol,))
    examples = report.copies(material.manifest, 0)
    sided = protocols.assign(protocol, examples, material.manifest, report.split, 0)
    front_end = report.experiment("cnn").front_end
    values = features.compute(examples, material.manifest, front_end, cache_root=folder / "cache")
    frames = values[sided.index[sided["side"].isin(sides)]].reshape(-1, values.shape[-1])
    frames = frames[frames.any(axis=1)].astype(np.float64)
    layer = keras.models.load_model(item.folder / "model.keras").layers[0]
    np.testing.assert_allclose(layer.adapt_mean, frames.mean(axis=0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(layer.adapt_variance, frames.var(axis=0), rtol=1e-4)


def test_too_little_to_work_with(material):
    report = reports.load("emodb_losses")
    one_class = material.manifest[material.manifest["emotion"] == "anger"]
    with pytest.raises(UserError, match=r"6 usable clips of 1 emotion"):
        runner.gather(report, "Emo-DB", one_class.drop(columns=["content", "rate", "samples"]))


def test_a_stand_in_is_used_whole_and_a_label_that_it_lacks_gets_what_comes_near(embedded):
    report = reports.load("spectral_features")
    manifest = corpora.manifest("emodb", embedded)
    used = runner.gather(report, "Emo-DB", manifest).manifest.set_index("clip")
    assert set(used["emotion"]) == set(report.labels)
    assert set(used["speaker"]) == set(manifest["speaker"]) > set(report.speakers) & set(manifest["speaker"])
    neutral = manifest.loc[manifest["emotion"] == "neutral", "clip"]
    assert set(used.index[used["emotion"] == "calm"]) == set(neutral)
    own = gathered("spectral_features", embedded).manifest
    assert set(own["speaker"]) == set(report.speakers)
    assert own["clip"].str.startswith("03-01-02").sum() == (own["emotion"] == "calm").sum() > 0
    lacking = corpora.manifest("ravdess", embedded).query("emotion != 'calm'")
    assert "calm" not in set(runner.gather(report, "RAVDESS", lacking).manifest["emotion"])
