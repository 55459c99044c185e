"""Pictures are looked at by people; here: that they are drawn from what they are given, whatever is missing."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from keras_ser import corpora, reports
from keras_ser.analysis import reported
from keras_ser.data import features
from keras_ser.output import figures
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
    runs = [Run(tmp_path, {"experiment": name}, {"confusion": [[3, 1, 0], [0, 4, 0], [0, 0, 2]]}) for name in "ab"]
    votes = np.array([[5, 5, 0], [0, 10, 0], [0, 5, 5]])
    figures.listeners(votes, runs, ["a", "b", "not run"], LABELS, "title", tmp_path / "x.png")
    titles = [axes.get_title() for axes in drawn[0].axes]
    assert titles == ["human listeners: 66.7% right", "a: 90.0% right", "b: 90.0% right"]
    assert drawn[0].axes[0].get_xlabel() == "heard"
    assert [text.get_text() for text in drawn[0].axes[1].texts[:3]] == ["0.75", "0.25", "0.00"]


def test_sides_by_protocol(drawn, tmp_path):
    rows = [
        ("cnn", protocol, seed, side, metric, value)
        for protocol in ("as_reported", "speaker_independent")
        for seed in (0, 1)
        for side, value in (("train", 0.9), ("validation", 0.6), ("test", 0.5))
        for metric in ("accuracy", "weighted_f1")
    ]
    frame = pd.DataFrame(rows, columns=reported.sides([]).columns)
    figures.sides(frame, "title", tmp_path / "x.png")
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
        {"metric": "accuracy", "experiment": name, "protocol": protocol, "mean": 0.5, "ci_high": 0.6, "reported": None}
        for name in names
        for protocol in ("as_reported", "speaker_independent")
    ]
    figures.protocols(pd.DataFrame(rows), "accuracy", "title", tmp_path / "x.png")
    (axes,) = drawn[0].axes
    places = np.array(
        [line.get_xdata() for line in axes.lines if len(line.get_xdata()) == 2 and line.get_marker() == "o"]
    )
    assert places.shape == (9, 2)
    assert places[:, 0].max() < 0.5 < places[:, 1].min()
    assert "reported" not in [text.get_text() for text in axes.get_legend().get_texts()]


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
        ("two", "emodb as a stand-in", "cnn", "as_reported", 0.5, 0.7, 0.6, 0.8, "not comparable (stand-in corpus)"),
    ]
    columns = ["report", "speech", "experiment", "protocol", "reported", "mean", "ci_low", "ci_high", "verdict"]
    figures.overview(pd.DataFrame(rows, columns=columns))
    (axes,) = drawn[0].axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        "one:  cnn",
        "lstm",
        "two, emodb as a stand-in:  cnn",
    ]
    marks = [(line.get_marker(), float(line.get_xdata()[0]), line.get_alpha()) for line in axes.lines]
    assert ("|", 0.9, 1.0) in marks
    assert ("o", 0.5, 1.0) in marks
    assert ("|", 0.5, 0.35) in marks
    plt.close("all")
