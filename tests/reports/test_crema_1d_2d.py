"""The report as a module: its figures are those of the collection, its steps those of its code."""

from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import pytest

from keras_ser import audio, corpora, reports
from keras_ser.data import protocols
from keras_ser.data.features import padded
from keras_ser.reports import crema_1d_2d as report
from keras_ser.runs.passes import Pass
from keras_ser.training import metrics
from tests.harness import check_layer, examples_of, generated
from tests.harness import padded as padded_with_noise

REPORT = reports.load("crema_1d_2d")
LABELS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happiness", "NEU": "neutral", "SAD": "sadness"}


def matrix(text):
    """→ list of rows"""
    return [[int(count) for count in row.split()] for row in text.split(";")]


def test_every_printed_figure_is_there(printed_figures):
    table = printed_figures("crema_1d_2d")
    ours = {(figure.experiment, figure.metric): figure.value for figure in REPORT.figures}
    assert len(table) == 25
    for row in table.itertuples():
        metric = row.item.removeprefix("test_")
        if row.item == "confusion":
            assert report.CONFUSIONS[row.experiment].tolist() == matrix(row.value)
        elif metric == "most_confusing_class":
            assert ours[row.experiment, metric] == LABELS[row.value]
        elif row.item == "mean_length":
            assert report.MEAN_LENGTH["run_a"] == int(row.value)
        elif row.item == "clips_after_pitch_shift":
            assert round(report.SHARE * 7442) == int(row.value) - 7442
        elif row.experiment == "data":
            assert ours["", {"clips_after_time_stretch": "examples"}.get(row.item, metric)] == int(row.value)
        else:
            assert ours[row.experiment, metric] == float(row.value)


@pytest.mark.parametrize("name", report.CONFUSIONS)
def test_printed_matrices_give_the_printed_scores(name):
    counts = report.CONFUSIONS[name]
    scores = metrics.scores(*examples_of(counts))
    stated = {figure.metric: figure.value for figure in REPORT.figures if figure.experiment == name}
    assert counts.sum() == 3133
    assert metrics.most_confusing_class(counts, REPORT.labels) == stated["most_confusing_class"]
    assert scores["weighted_f1"] == pytest.approx(stated["weighted_f1"], abs=1e-12)
    # Of cnn_2d/run_b two digits are swapped: 0.52186402808… for 0.52186402 8 0880945….
    assert scores["accuracy"] == pytest.approx(stated["accuracy"], abs=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "features", "parameters"),
    [
        ("cnn_1d/run_a", (16, 51), 2_105_094),
        ("cnn_1d/run_b", (16, 87), 2_694_918),
        ("cnn_2d/run_a", (128, 80), 3_105_990),
        ("cnn_2d/run_b", (128, 80), 3_105_990),
    ],
)
def test_the_model_fits_the_features(name, features, parameters):
    experiment = REPORT.experiment(name)
    assert experiment.front_end.graph().output_shape[1:] == features
    assert np.prod(experiment.model(6).input_shape[1:]) == np.prod(features)
    assert experiment.model(6).count_params() == parameters
    (stop,) = experiment.training.callbacks()
    assert (stop.monitor, stop.min_delta, stop.patience, stop.restore_best_weights) == ("val_loss", 1e-3, 5, True)
    assert experiment.training.epochs == (100 if "1d" in name else 80)


def test_frames_of_a_clip():
    assert report.frame_length(40775) == 1631  # 25 frames
    assert report.frame_length(40764) == 948  # 43


@pytest.mark.parametrize("name", ["cnn_1d/run_a", "cnn_1d/run_b", "cnn_2d/run_a"])
def test_features_are_librosas_on_recordings(name, real_data):
    front_end = REPORT.experiment(name).front_end
    paths = corpora.manifest("emodb", real_data)["path"].iloc[::90]  # shorter and longer than the mean
    waveforms = [audio.read(path)[0] for path in paths]
    for row, y in zip(front_end.graph()(padded(waveforms)).numpy(), waveforms, strict=True):
        expected = front_end.reference(y, 16000)
        if "1d" in name:
            np.testing.assert_allclose(row[[0, 1, 15]], expected[[0, 1, 15]], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(row, expected, rtol=1e-4, atol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cnn_1d/run_a", "cnn_2d/run_a"])
def test_features_alone_in_a_batch_reloaded_and_exported(name, tmp_path):
    signals = {name: y for name, y in generated().items() if name != "impulse"}
    check_layer(REPORT.experiment(name).front_end.graph(), *padded_with_noise(signals), tmp_path, atol=2e-2)


@pytest.fixture
def names(real_data):
    """The whole corpus by its file names."""
    lines = (real_data / "names" / "crema_d.txt").read_text().split()
    facts = [corpora.get("crema_d").parse(PurePosixPath(line)) for line in lines]
    clips = pd.DataFrame(facts).sort_values("clip", ignore_index=True)
    return clips.assign(corpus="crema_d", audio_hash=clips["clip"])


def test_10442_examples_and_their_splits(names):
    examples = REPORT.augmentation(names, 0)
    assert examples["transform"].value_counts().to_dict() == {"none": 7442, "pitch_shift": 1500, "time_stretch": 1500}
    assert not examples.duplicated(["clip", "transform"]).any()
    drawn = {name: set(group["clip"]) for name, group in examples.groupby("transform")}
    assert drawn["pitch_shift"] != drawn["time_stretch"]
    parameters = examples.groupby("transform")["parameter"].agg(["min", "max"])
    assert parameters.loc["pitch_shift", "min"] > -4
    assert parameters.loc["pitch_shift", "max"] < 4
    assert parameters.loc["time_stretch", "min"] > 0.8
    assert parameters.loc["time_stretch", "max"] < 1.2
    pd.testing.assert_frame_equal(examples, REPORT.augmentation(names, 0))
    assert set(REPORT.augmentation(names, 1)["clip"][7442:8942]) != drawn["pitch_shift"]
    table = protocols.get("as_reported").assign(examples, names, REPORT.split)
    assert table["split"].value_counts().to_dict() == {"train": 6943, "validation": 366, "test": 3133}
    emotion = table["clip"].map(names.set_index("clip")["emotion"])
    shares = pd.crosstab(table["split"], emotion, normalize="index")
    assert (shares - emotion.value_counts(normalize=True)).abs().to_numpy().max() < 0.002


def test_actors_of_the_test_are_new(names):
    examples = REPORT.augmentation(names, 0)
    speaker = names.set_index("clip")["speaker"]
    tested = set()
    by_speaker = protocols.get("speaker_independent")
    for fold in range(by_speaker.n_folds(names, REPORT.split)):
        table = by_speaker.assign(examples, names, REPORT.split, 0, fold)
        speakers = speaker[table["clip"]].groupby(table["split"].to_numpy()).agg(set)
        assert not speakers["test"] & (speakers["train"] | speakers["validation"])
        assert not speakers["train"] & speakers["validation"]
        tested |= speakers["test"]
    assert len(tested) == 91


def test_findings_name_the_model_whose_runs_end_furthest_apart():
    def run(experiment, seed, accuracy, protocol="as_reported", validation=400):
        facts = {"experiment": experiment, "protocol": protocol, "kind": "network", "seed": seed, "epochs_run": 11}
        metrics = {"accuracy": accuracy, "validation": {"accuracy": 0.5}}
        return Pass((), {**facts, "examples": {"validation": validation}, "diverged_at": None}, metrics)

    passes = [run("cnn_1d/run_a", 0, 0.50), run("cnn_2d/run_a", 1, 0.54), run("cnn_2d/run_a", 0, 0.48)]
    of_another = run("cnn_2d/run_a", 0, 0.1, "speaker_independent", validation=2000)  # which is no part of it
    text, table = REPORT.conclusion(None, [of_another, *passes])
    assert "`cnn_2d/run_a` between 0.480 and 0.540" in text
    assert "on 400 validation examples, on which the standard error of an accuracy near 0.5 is 0.025" in text
    assert table[["experiment", "seed", "test accuracy"]].to_numpy().tolist() == [
        ["cnn_1d/run_a", 0, 0.50],
        ["cnn_2d/run_a", 0, 0.48],
        ["cnn_2d/run_a", 1, 0.54],
    ]
    (table,) = REPORT.conclusion(None, passes[:2])  # no two runs of one model: nothing is said of their distance
    assert len(table) == 2
    assert REPORT.conclusion(None, []) == ()
    del passes[0].metrics["validation"]  # an older run
    (table,) = REPORT.conclusion(None, passes[:2])
    assert table["validation accuracy"].isna().tolist() == [True, False]


def test_findings_say_what_the_baseline_and_the_listeners_make_of_the_clips():
    def run(corpora, protocol="speaker_independent"):
        facts = {"experiment": "svm_compare", "protocol": protocol, "kind": "svm", "corpora": corpora}
        return Pass((), {**facts, "diverged_at": None}, {"accuracy": 0.575, "uar": 0.576})

    text, table = REPORT.conclusion(None, [run(["crema_d"]), run(["crema_d"], "as_reported")])
    assert text == "For scale, on the same clips:"
    assert table["accuracy"].to_list() == [0.575, pytest.approx(0.400, abs=0.0005)]
    assert table["UAR"].to_list() == pytest.approx([0.576, np.nan], nan_ok=True)
    assert "`svm_compare`" in table["what"][0]
    assert REPORT.conclusion(None, [run(["tess"])]) == ()  # the listeners heard other clips
