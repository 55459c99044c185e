"""Pictures are looked at by people; here: that they are drawn from what they are given, whatever is missing."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.text import Text

from keras_ser import corpora, reports
from keras_ser.analysis import reported
from keras_ser.data import features
from keras_ser.output import figures
from keras_ser.runs import runner
from keras_ser.runs.passes import Pass
from keras_ser.runs.store import Run

LABELS = ("anger", "neutral", "sadness")


@pytest.fixture
def drawn(monkeypatch):
    """The figures instead of files."""
    drawn = []
    monkeypatch.setattr(figures, "_save", lambda figure, path: drawn.append(figure) or path)
    yield drawn
    plt.close("all")


def test_listeners_stand_beside_the_models(drawn, tmp_path):
    passes = [Pass((), {"experiment": name}, {"confusion": [[3, 1, 0], [0, 4, 0], [0, 0, 2]]}) for name in "ab"]
    votes = np.array([[5, 5, 0], [0, 10, 0], [0, 5, 5]])
    figures.listeners(votes, passes, ["a", "b", "not run"], LABELS, "title", tmp_path / "x.png")
    titles = [axes.get_title() for axes in drawn[0].axes]
    assert titles == ["human listeners: accuracy 0.667", "a: accuracy 0.900", "b: accuracy 0.900"]
    assert drawn[0].axes[0].get_xlabel() == "heard"
    assert [text.get_text() for text in drawn[0].axes[1].texts[:3]] == ["0.75", "0.25", "0.00"]


def test_splits_by_protocol(drawn, tmp_path):
    rows = [
        ("cnn", protocol, seed, split, metric, value)
        for protocol in ("as_reported", "speaker_independent")
        for seed in (0, 1)
        for split, value in (("train", 0.9), ("validation", 0.6), ("test", 0.5))
        for metric in ("accuracy", "weighted_f1")
    ]
    frame = pd.DataFrame(rows, columns=reported.splits([]).columns)
    figures.splits(frame, "title", tmp_path / "x.png")
    titles = [axes.get_title() for axes in drawn[0].axes]
    assert titles == [f"{m}, {p}" for p in ("as_reported", "speaker_independent") for m in ("accuracy", "weighted F1")]
    assert [bar.get_width() for bar in drawn[0].axes[0].patches[:3]] == [0.9, 0.6, 0.5]


def test_mel_pictures_of_the_first_and_the_last_speaker(drawn, embedded, tmp_path):
    manifest, _ = features.with_content(corpora.manifest("ravdess", embedded))
    manifest = manifest[manifest["emotion"].isin(LABELS) & manifest["speaker"].isin(["02", "03", "07"])]
    manifest = manifest[~((manifest["speaker"] == "07") & (manifest["emotion"] == "anger"))]
    figures.mel_pictures(manifest, LABELS, "title", tmp_path / "x.png")
    titles = {axes.get_title(loc="left") for axes in drawn[0].axes if axes.images}
    assert {f"{label}, speaker 02" for label in LABELS} | {"sadness, speaker 07"} < titles
    assert "anger, speaker 07" not in titles


def test_a_recording_is_a_picture_in_memory(rng):
    picture = figures.recording(rng.normal(0, 0.1, 8000).astype(np.float32), 16000)
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3
    assert len(np.unique(picture)) > 50


def test_many_experiments_do_not_reach_into_the_next_protocol(drawn, tmp_path):
    names = [f"model {i}" for i in range(9)]
    rows = [
        {
            **{"metric": "accuracy", "experiment": name, "protocol": protocol, "mean": 0.5, "reported": None},
            **{"ci_low": 0.3, "ci_high": 0.6, "interval_over": over},
        }
        for name in names
        for protocol, over in (("as_reported", "repetitions"), ("speaker_independent", "speakers"))
    ]
    figures.protocols(pd.DataFrame(rows), "accuracy", "title", tmp_path / "x.png")
    (axes,) = drawn[0].axes
    places = np.array(
        [line.get_xdata() for line in axes.lines if len(line.get_xdata()) == 2 and line.get_marker() == "o"]
    )
    assert places.shape == (9, 2)
    assert places[:, 0].max() < 0.5 < places[:, 1].min()
    assert "reported" not in [text.get_text() for text in axes.get_legend().get_texts()]
    assert "over speakers where every clip is tested once, else over repetitions" in axes.get_title().replace("\n", " ")


def test_reports_name_pictures_that_exist():
    for name in reports.NAMES:
        assert set(reports.load(name).pictures) <= set(figures.PICTURES)


def test_overview_has_a_line_an_experiment_and_names_each_report_once(monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "_pixels", drawn.append)
    rows = [
        ("one", "", "cnn", "as_reported", 0.9, 0.91, 0.85, 0.95, "reproduced"),
        ("one", "", "cnn", "speaker_independent", None, 0.5, 0.4, 0.6, "not stated"),
        ("one", "", "lstm", "as_reported", None, 0.8, None, None, "not stated"),
        ("two", "emodb in its place", "cnn", "as_reported", 0.5, 0.7, 0.6, 0.8, "not comparable (substitute corpus)"),
    ]
    columns = ["report", "speech", "experiment", "protocol", "reported", "mean", "ci_low", "ci_high", "verdict"]
    figures.overview(pd.DataFrame(rows, columns=columns))
    (axes,) = drawn[0].axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        "one:  cnn",
        "lstm",
        "two, emodb in its place:  cnn",
    ]
    marks = [(line.get_marker(), float(line.get_xdata()[0]), line.get_alpha()) for line in axes.lines]
    assert ("|", 0.9, 1.0) in marks
    assert ("o", 0.5, 1.0) in marks
    assert ("|", 0.5, 0.35) in marks
    plt.close("all")


def answers_of(kinds):
    """As :func:`keras_ser.analysis.paired.tested` gives them: 100 clips per experiment and protocol."""
    confidence = np.linspace(0.2, 1, 100)
    tables = [
        pd.DataFrame({"confidence": confidence, "correct": confidence > 0.5}).assign(
            experiment=name, protocol="as_reported", probabilities=kind == "network"
        )
        for name, kind in kinds.items()
    ]
    return pd.concat(tables, ignore_index=True)


def test_what_is_no_probability_has_no_reliability(drawn, tmp_path):
    figures.reliability(answers_of({"cnn": "network", "svm": "svm"}), "title", tmp_path / "x.png")
    (axes,) = drawn[0].axes
    assert len(axes.lines) == 2  # the diagonal and one experiment
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["cnn"]


def test_curves_show_the_fit_that_validation_watched(drawn, tmp_path):
    """A network that is refitted leaves two fits, of which the second has no validation."""

    watched = {"fit": 1, "epoch": [1, 2], "loss": 1.0, "val_loss": 2.0, "accuracy": 0.5, "val_accuracy": 0.4}
    again = {"fit": 2, "epoch": [1, 2], "loss": 0.9, "accuracy": 0.6}
    pd.concat([pd.DataFrame(watched), pd.DataFrame(again)]).to_csv(tmp_path / "history.csv", index=False)
    run = Run(tmp_path, {"experiment": "cnn", "kind": "network", "epochs_run": 2}, {})
    figures.curves([Pass((run,), run.facts, {})], ["cnn"], "title", tmp_path / "x.png")
    for axes in drawn[0].axes:
        assert [list(line.get_xdata()) for line in axes.lines] == [[1, 2], [1, 2]]
    assert list(drawn[0].axes[0].lines[0].get_ydata()) == [1.0, 1.0]


def test_confusion_matrices_count_repetitions(drawn, tmp_path):
    matrix = {"confusion": [[3, 1, 0], [0, 4, 0], [0, 0, 2]]}
    passes = [Pass((), {"experiment": "cnn", "diverged_at": None}, matrix) for _ in range(2)]
    passes.append(Pass((), {"experiment": "cnn", "diverged_at": 3}, {}))
    figures.confusion_matrices(passes, ["cnn"], LABELS, "title", tmp_path / "x.png")
    assert drawn[0].axes[0].get_title() == "cnn, 2 repetitions"
    assert [text.get_text() for text in drawn[0].axes[0].texts[:3]] == ["6", "2", "0"]


def test_differences_need_no_interval(drawn, tmp_path):
    row = {"first": "a", "second": "b", "protocol": "as_reported", "difference": 0.1, "low": None, "high": None}
    figures.differences(pd.DataFrame([row]), "title", tmp_path / "x.png")
    (axes,) = drawn[0].axes
    assert [line.get_marker() for line in axes.lines] == ["o", "None"]  # the mean, and the line at 0


@pytest.mark.parametrize("name", reports.NAMES)
def test_no_figure_says_house_words(name, embedded, tmp_path, drawn):
    """Those of the clips; nothing that is not there is written either."""
    report = reports.load(name)
    material = runner.gather(report, "a corpus", corpora.joined(report.corpora, embedded))
    for picture in report.pictures:
        figures.PICTURES[picture](material.manifest, report.labels, "title", tmp_path / "x.png")
    words = " ".join(text.get_text() for figure in drawn for text in figure.findobj(Text))
    for word in ("nan", "None", " a class", "stand-in", "ours"):
        assert word not in words, word
