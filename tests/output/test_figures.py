"""Figures are looked at by people; here: that they are drawn from what they are given, whatever is missing."""

import dataclasses
import re
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from PIL import Image

from keras_ser import corpora, reports
from keras_ser.analysis import examples, paired, reported, summaries
from keras_ser.analysis.examples import Example
from keras_ser.analysis.summaries import Confusion
from keras_ser.data import features
from keras_ser.output.figures import recordings, results, selection, style
from keras_ser.runs import passes, planning
from tests.test_architecture import imports
from tests.words import house_words

LABELS = ("anger", "neutral", "sadness")
MATRIX = Confusion(np.array([[6, 2, 0], [0, 8, 0], [0, 0, 4]]), (0.95, 0.85))
REPORT = reports.load("emodb_losses")
CNN, LSTM = "cnn/mean_squared_error", "cnn_lstm/mean_squared_error"
LONG = "RAVDESS speech (Ryerson Audio-Visual Database), TESS (Toronto Emotional Speech Set) and CREMA-D (Crowd-sourced "
LONG += "Emotional Multimodal Actors Dataset), without SAVEE (Surrey Audio-Visual Expressed Emotion), of all speakers"


@pytest.fixture
def drawn(monkeypatch):
    """The figures instead of files."""
    drawn = []
    monkeypatch.setattr(style, "save", lambda figure, path: drawn.append(figure) or path)
    return drawn


def texts_of(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def legend_of(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def fits(figure):
    """Its titles are within it, where the layout, of which drawing is the rest, places them."""
    figure.get_layout_engine().execute(figure)
    titles = [title for axes in figure.axes for title in (axes.title, axes._left_title) if title.get_text()]
    boxes = [text.get_window_extent() for text in (figure._suptitle, *titles)]
    return all(box.x0 >= 0 and box.x1 <= figure.bbox.width for box in boxes)


def chance_lines(axes):
    """The level of each, and whether it is one of "x" or "y"."""
    lines = [line for line in axes.lines if line.get_label().startswith("chance level")]
    kinds = ["x" if len(set(line.get_xdata())) == 1 else "y" for line in lines]
    return [(kind, getattr(line, f"get_{kind}data")()[0]) for kind, line in zip(kinds, lines, strict=True)]


def scales_of(figure):
    """What colour bars say, and from where to where they reach."""
    bars = [axes for axes in figure.axes if axes.get_label() == "<colorbar>"]
    along = ["x" if axes.get_xlabel() else "y" for axes in bars]
    return [
        tuple(getattr(axes, f"get_{way}{what}")() for what in ("label", "lim"))
        for axes, way in zip(bars, along, strict=True)
    ]


def test_confusion_is_in_per_cent_of_the_true_class(drawn, tmp_path):
    results.confusion_matrices({"cnn": MATRIX}, LABELS, "unseen speakers", "Emo-DB, 9 clips", tmp_path / "x.png")
    (axes,) = drawn[0].axes
    assert axes.get_title() == "cnn\nUAR 0.900, mean of 2 repetitions"
    assert [text.get_text() for text in axes.texts] == ["75", "25", "0", "0", "100", "0", "0", "0", "100"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["anger (8)", "neutral (8)", "sadness (4)"]


def test_a_printed_confusion_matrix_stands_before_the_one_that_is_obtained(drawn, tmp_path):
    matrices, printed = {"cnn": MATRIX, "lstm": MATRIX}, {"lstm": Confusion(np.eye(3, dtype=int))}
    results.confusion_matrices(matrices, LABELS, "report's split", "Emo-DB, 9 clips", tmp_path / "x.png", printed)
    titles = [axes.get_title().partition("\n")[0] for axes in drawn[0].axes]
    assert titles == ["lstm, printed in the report", "lstm", "cnn"]


@pytest.mark.slow
@pytest.mark.parametrize("n_panels", [1, 3, 7])
def test_no_text_stands_on_another(drawn, tmp_path, n_panels):
    matrices = {f"cnn_lstm_of_run_{k}": MATRIX for k in range(n_panels)}
    results.confusion_matrices(matrices, LABELS, "unseen speakers", "Emo-DB, 9 clips", tmp_path / "x.png")
    figure = drawn[0]
    figure.draw_without_rendering()
    titles = [part for axes in figure.axes for part in (axes.title, axes.xaxis.label, axes.yaxis.label)]
    boxes = [text.get_window_extent() for text in [*titles, *figure.texts]]
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])


def test_numbers_can_be_read_on_every_blue():
    """WCAG's contrast, at least 4.5 : 1."""
    for share in np.linspace(0, 1, 101):
        shade = matplotlib.colormaps["Blues"](share)[:3]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shade]
        luminance = np.dot(linear, (0.2126, 0.7152, 0.0722))
        contrast = (luminance + 0.05) / 0.05 if style.ink(shade) == "black" else 1.05 / (luminance + 0.05)
        assert contrast >= 4.5


def test_what_is_not_nothing_is_not_called_0():
    assert [style.percent(share) for share in (0, 0.004, 0.006, 0.5, 1)] == ["0", "<1", "1", "50", "100"]


def test_listeners_stand_beside_the_models(drawn, tmp_path):
    votes = np.array([[5, 5, 0], [0, 10, 0], [0, 5, 5]])
    results.listeners(votes, {"a": MATRIX, "b": MATRIX}, LABELS, "unseen speakers", "title", tmp_path / "x.png")
    titles = [axes.get_title() for axes in drawn[0].axes]
    models = [f"{name}\nUAR 0.900, mean of 2 repetitions" for name in "ab"]
    assert titles == ["human listeners\nUAR 0.667", *models]
    assert [axes.get_xlabel() for axes in drawn[0].axes] == ["chosen by the listeners", "predicted", "predicted"]


def test_splits_by_protocol(drawn, tmp_path):
    rows = [
        ("cnn", protocol, seed, split, metric, value)
        for protocol in ("as_reported", "speaker_independent")
        for seed in (0, 1)
        for split, value in (("train", 0.9), ("validation", 0.6), ("test", 0.5))
        for metric in ("accuracy", "weighted_f1")
    ]
    frame = summaries.split_means(pd.DataFrame(rows, columns=reported.splits([]).columns))
    results.splits(frame, 0.2, "title", tmp_path / "x.png")
    titles = [axes.get_title() for axes in drawn[0].axes]
    assert titles == [f"{m}, {p}" for p in ("report's split", "unseen speakers") for m in ("accuracy", "weighted F1")]
    assert [bar.get_width() for bar in drawn[0].axes[0].patches] == [0.9, 0.6, 0.5]
    assert [chance_lines(axes) for axes in drawn[0].axes] == [[("x", 0.2)], []] * 2  # a chance level of accuracy
    assert "chance level (0.200)" in legend_of(drawn[0])
    results.splits(frame, None, "title", tmp_path / "x.png")  # corpora of different classes have no level in common
    assert not any(map(chance_lines, drawn[1].axes))
    assert legend_of(drawn[1]) == ["train", "validation", "test"]


def test_splits_say_where_a_score_was_not_recorded(drawn, tmp_path):
    rows = [
        (name, protocol, 0, split, metric, 0.5)
        for name, protocol in (("cnn", "as_reported"), ("cnn", "clip_disjoint"), ("lstm", "clip_disjoint"))
        for split in ("train", "validation", "test")
        for metric in ("accuracy", "weighted_f1")
    ]
    frame = summaries.split_means(pd.DataFrame(rows, columns=reported.splits([]).columns))
    results.splits(frame, 0.2, "title", tmp_path / "x.png")
    said = [[text.get_text() for text in axes.texts] for axes in drawn[0].axes]
    assert said == [["not recorded"], ["not recorded"], [], []]


@pytest.mark.slow
def test_mel_images_of_the_first_and_the_last_speaker(drawn, embedded, tmp_path):
    manifest, _ = features.with_audio_hash(corpora.manifest("ravdess", embedded))
    manifest = manifest[manifest["emotion"].isin(LABELS) & manifest["speaker"].isin(["02", "03", "07"])]
    manifest = manifest[~((manifest["speaker"] == "07") & (manifest["emotion"] == "anger"))]
    selection.of_clips("mel_images", manifest, LABELS, "title", tmp_path / "x.png")
    titles = {axes.get_title(loc="left") for axes in drawn[0].axes if axes.images}
    assert {f"{label}, speaker 02" for label in LABELS} | {"sadness, speaker 07"} < titles
    assert "anger, speaker 07" not in titles
    scales = [axes.get_xlabel() for axes in drawn[0].axes if axes.get_label() == "<colorbar>"]
    assert scales == ["dB below the clip's maximum", "grey level"]


def test_a_recording_is_an_image_in_memory(rng, monkeypatch):
    waveform = rng.normal(0, 0.1, 8000).astype(np.float32)
    db = examples.mel_bands(waveform, 16000)
    image = recordings.recording(waveform, 16000, db)
    assert image.dtype == np.uint8
    assert image.shape[2] == 3
    assert len(np.unique(image)) > 50
    monkeypatch.setattr(style, "pixels", lambda figure: figure)
    assert scales_of(recordings.recording(waveform, 16000, db)) == [("dB below maximum", (-80, 0))]


def test_spectrograms_say_what_their_colours_are(drawn, embedded, tmp_path):
    manifest, _ = features.with_audio_hash(corpora.manifest("emodb", embedded))
    for name in ("clips", "chirp"):
        selection.of_clips(name, manifest, LABELS, "title", tmp_path / "x.png")
    clips, chirp = map(scales_of, drawn)
    assert clips[0] == ("dB below the clip's maximum", (-80, 0))
    assert clips[1][0] == "value of the coefficient"
    assert chirp == [("dB below maximum", (-80, 0))]


def test_a_timeline(drawn, tmp_path):
    table = pd.DataFrame({"start": [0.0, 1.5], "end": [1.5, 3.0], **{label: [0.4, 0.3] for label in LABELS}})
    recordings.timeline(table, LABELS, "interview_" * 25 + ".wav", tmp_path / "x.png")
    assert chance_lines(drawn[0].axes[0]) == [("y", pytest.approx(1 / 3))]
    assert drawn[0].get_suptitle().startswith("Probability of each class in windows of 1.5 s\ninterview_")
    assert fits(drawn[0])


def table_of(rows):
    """As :func:`keras_ser.analysis.reported.table` gives it, with what the figure needs."""
    frame = pd.DataFrame(rows).assign(metric="accuracy")
    return frame.reindex(columns=reported.COLUMNS).assign(interval_over=frame.get("interval_over", ""))


def test_many_experiments_do_not_reach_into_the_next_protocol(drawn, tmp_path):
    rows = [
        {"experiment": f"model {i}", "protocol": protocol, "mean": 0.5, "n": 1, "verdict": "not stated"}
        | {"ci_low": 0.3, "ci_high": 0.6, "interval_over": over}
        for i in range(9)
        for protocol, over in (("as_reported", "repetitions"), ("speaker_independent", "speakers"))
    ]
    results.protocols(table_of(rows), "accuracy", 0.25, "title", tmp_path / "x.png")
    (axes,) = drawn[0].axes
    places = np.array([line.get_xdata() for line in axes.lines if line.get_marker() == "o"])
    assert places.shape == (9, 2)
    assert places[:, 0].max() < 0.5 < places[:, 1].min()
    words = " ".join(texts_of(drawn[0])).replace("\n", " ")
    assert "bars: 95 % interval over speakers (cross-validated, 6 or more), else repetitions" in words
    assert "chance level (0.250)" in words


@pytest.mark.parametrize(
    ("verdict", "n", "shown"),
    [("reproduced", 3, True), ("not comparable (synthetic speech)", 3, False), ("not comparable (no run)", 0, False)],
)
def test_reported_stands_only_where_something_is_compared(drawn, tmp_path, verdict, n, shown):
    row = {"experiment": "a", "protocol": "as_reported", "mean": 0.5, "reported": 0.9, "n": n, "verdict": verdict}
    other = {"experiment": "b", "protocol": "as_reported", "mean": 0.5, "n": 1, "verdict": "not stated"}
    results.protocols(table_of([row, other]), "accuracy", 0.25, "title", tmp_path / "x.png")
    (axes,) = drawn[0].axes
    dashes = np.concatenate([line.get_ydata() for line in axes.lines if line.get_marker() == "_"]).astype(float)
    assert (0.9 in dashes) == shown
    assert ("reported" in [text.get_text() for text in axes.get_legend().get_texts()]) == shown
    assert "interval" not in " ".join(texts_of(drawn[0]))  # none is drawn


def bars_of(axes):
    """Of each point that has one: where its interval begins and ends."""
    segments = [segment for bars in axes.collections for segment in bars.get_segments()]
    return [tuple(segment[:, 1]) for segment in segments if len(segment)]


def caps_of(axes):
    """Where the bars have theirs."""
    return [
        y
        for line in axes.lines
        if line.get_marker() == "_" and line.get_label() == "_nolegend_"
        for y in line.get_ydata()
        if np.isfinite(y)
    ]


def test_a_point_without_an_interval_has_no_bar(drawn, tmp_path):
    row = {"mean": 0.5, "n": 1, "verdict": "not stated"}
    bounds = {"ci_low": 0.4, "ci_high": 0.7, "interval_over": "speakers"}
    rows = [
        {**row, "experiment": "a", "protocol": "as_reported"},
        {**row, "experiment": "b", "protocol": "as_reported"},
        {**row, "experiment": "b", "protocol": "speaker_independent", **bounds},
    ]
    results.protocols(table_of(rows).fillna({"interval_over": ""}), "accuracy", 0.25, "title", tmp_path / "x.png")
    (axes,) = drawn[0].axes
    assert bars_of(axes) == [(pytest.approx(0.4), pytest.approx(0.7))]
    assert sorted(caps_of(axes)) == pytest.approx([0.4, 0.7])


def test_counts_of_one_repetition_have_no_bar(drawn, tmp_path):
    rows = [
        {"experiment": "a", "metric": metric, "label": label, "reported": 1, "mean": 2, "std": None, "n": 1}
        for metric in reported.COUNTS
        for label in LABELS
    ]
    results.class_counts(pd.DataFrame(rows), LABELS, "title", tmp_path / "x.png")
    assert not any(bars_of(axes) for axes in drawn[0].axes)


def answered(facts, protocol, **corpora):
    """A pass that tested so many clips and classes of each corpus."""
    answers = [
        pd.DataFrame({"corpus": name, "clip": [f"{name}_{place}" for place in range(clips)]}).assign(
            true=lambda table, classes=classes: table.index % classes
        )
        for name, (clips, classes) in corpora.items()
    ]
    facts = {**facts, "protocol": protocol}
    return SimpleNamespace(facts=facts, diverged=False, predictions=lambda: pd.concat(answers))


def test_corpora_of_other_classes_have_panels_of_their_own(drawn, tmp_path):
    """And say the chance level; under a protocol that tests fewer of their clips and classes, that of these too."""
    row = {"protocol": "speaker_independent", "n": 1, "verdict": "not stated"}
    scores = {
        ("cnn", "uar"): 0.7,
        ("cnn", "emodb: uar"): 0.8,
        ("cnn", "crema_d: uar"): 0.6,
        ("svm/emodb", "uar"): 0.75,
        ("svm/emodb", "emodb: uar"): 0.75,
    }
    rows = [{**row, "experiment": name, "metric": metric, "mean": mean} for (name, metric), mean in scores.items()]
    table = pd.DataFrame(rows).reindex(columns=reported.COLUMNS).assign(interval_over="")
    clips = {"crema_d": 7441, "emodb": 535}
    facts = {"corpora": ["emodb", "ravdess", "crema_d"], "clips_by_corpus": clips}
    found = [
        answered(facts, "speaker_independent", emodb=(535, 7), crema_d=(7441, 6)),
        answered(facts, "corpus_independent", emodb=(454, 6), crema_d=(7441, 6)),
    ]
    parts = selection.by_corpus(table, found, "uar")
    results.protocols(table, "uar", None, "title", tmp_path / "x.png", parts=parts)
    shown = {
        axes.get_title(): [*np.concatenate([line.get_ydata() for line in axes.lines if line.get_marker() == "o"])]
        for axes in drawn[0].axes
    }
    emodb = "Emo-DB\n535 clips, chance level 0.143\nunseen corpora: 454 clips, chance level 0.167"
    assert shown == {emodb: [0.8, 0.75], "CREMA-D\n7441 clips, chance level 0.167": [0.6]}
    assert fits(drawn[0])
    left, right = (axes.title.get_window_extent() for axes in drawn[0].axes)
    assert left.x1 < right.x0
    (legend,) = [axes.get_legend() for axes in drawn[0].axes if axes.get_legend()]
    assert [text.get_text() for text in legend.get_texts()] == ["cnn", "svm/emodb"]
    assert drawn[0].axes[0].get_ylabel() == "UAR"


def test_a_report_whose_corpora_have_other_classes_is_drawn_by_corpus(made, tmp_path, drawn):
    report = dataclasses.replace(reports.load("unseen_speakers"), clip_figures=())
    whole = passes.whole([made(report, "mlp", "speaker_independent", 0, fold, 2) for fold in range(2)])
    material = planning.Material("a corpus", pd.DataFrame({"synthetic": [False]}), [], substitute=False)
    paths = selection.of_report(report, material, whole, reported.table(report, whole), tmp_path)
    panels = {path.stem: [axes.get_title() for axes in figure.axes] for path, figure in zip(paths, drawn, strict=True)}
    assert panels["protocols_uar"] == panels["protocols_accuracy"] == ["Emo-DB\n144 clips, chance level 0.111"]


def test_reports_name_figures_that_exist():
    for name in reports.NAMES:
        assert set(reports.load(name).clip_figures) <= set(selection.OF_CLIPS)


def answers_of(kinds):
    """As :func:`keras_ser.analysis.paired.tested` gives them: 200 clips per experiment and protocol."""
    confidence = np.linspace(0.2, 1, 200)
    tables = [
        pd.DataFrame({"confidence": confidence, "correct": confidence > 0.5}).assign(
            experiment=name, protocol="as_reported", kind=kind
        )
        for name, kind in kinds.items()
    ]
    return pd.concat(tables, ignore_index=True)


def test_what_is_no_probability_has_no_reliability(drawn, tmp_path):
    bins = summaries.reliability(answers_of({"cnn": "network", "svm": "svm"}))
    results.reliability(bins, "title", tmp_path / "x.png")
    (axes,) = drawn[0].axes
    assert len(axes.lines) == 2  # the diagonal and one experiment
    assert legend_of(drawn[0]) == ["cnn"]


def history_of(losses):
    epochs = np.arange(1, len(losses) + 1)
    return pd.DataFrame({"epoch": epochs, "loss": losses, "val_loss": losses, "accuracy": 0.5, "val_accuracy": 0.4})


def test_curves_mark_the_epoch_that_was_tested(drawn, tmp_path):
    trainings = {"a": [(history_of([1.0, 0.9, 1.1]), 2)], "b": [(history_of([100.0, 1.0, 0.9]), None)]}
    results.curves(trainings, "report's split", 0.25, "title", tmp_path / "x.png")
    loss, other_loss, accuracy, _ = drawn[0].axes
    assert [line.get_xdata() for line in loss.lines if line.get_marker() == "o"] == [[2]]
    assert [line.get_ydata() for line in accuracy.lines if line.get_marker() == "o"] == [[0.4]]
    assert not any(line.get_marker() == "o" for line in other_loss.lines)
    assert (loss.get_yscale(), other_loss.get_yscale()) == ("linear", "log")  # the first epoch dwarfs the rest
    assert loss.get_xlim() == (1, 3)
    assert legend_of(drawn[0]) == ["train", "validation", "chance level (0.250)", "epoch tested"]


def test_curves_of_a_network_without_validation(drawn, tmp_path):
    history = history_of([1.0, 0.9]).drop(columns=["val_loss", "val_accuracy"])
    results.curves({"a": [(history, 2)]}, "unseen speakers", 0.25, "title", tmp_path / "x.png")
    loss, accuracy = drawn[0].axes
    assert [list(line.get_ydata()) for line in loss.lines] == [[1.0, 0.9]]
    assert len(accuracy.lines) == 2  # train and the chance level
    assert legend_of(drawn[0]) == ["train", "chance level (0.250)"]


@pytest.mark.parametrize(("n", "ticks"), [(1, [1]), (3, [1, 2, 3]), (30, [1, 5, 10, 15, 20, 25, 30]), (50, None)])
def test_epochs_begin_with_1(drawn, tmp_path, n, ticks):
    results.curves({"a": [(history_of([1.0] * n), n)]}, "report's split", 0.25, "title", tmp_path / "x.png")
    shown = [int(tick) for tick in drawn[0].axes[0].get_xticks()]
    assert shown[0] == 1
    assert shown == (ticks or [1, 10, 20, 30, 40, 50])


def test_differences_need_no_interval(drawn, tmp_path):
    row = {"first": "a", "second": "b", "protocol": "as_reported", "difference": 0.1, "low": None, "high": None}
    results.differences(pd.DataFrame([row | {"level": 0.95}]), "title", tmp_path / "x.png")
    (axes,) = drawn[0].axes
    assert [line.get_marker() for line in axes.lines] == ["o", "None"]  # the mean, and the line at 0
    assert axes.get_xlabel() == "← B better · A better →"
    assert "interval" not in " ".join(texts_of(drawn[0]))


@pytest.mark.parametrize(("levels", "is_said"), [((0.95, 0.95), False), ((0.95, 0.975), True), ((0.975, 0.975), True)])
def test_that_an_interval_is_wider_than_it_would_be_is_said(levels, is_said, drawn, tmp_path):
    row = {"first": "a", "protocol": "as_reported", "difference": 0.1, "low": 0.0, "high": 0.2}
    rows = [row | {"second": second, "level": level} for second, level in zip("bc", levels, strict=True)]
    results.differences(pd.DataFrame(rows), "title", tmp_path / "x.png")
    words = " ".join(texts_of(drawn[0]))
    assert "95 % interval over speakers" in words
    assert ("wider where corrected for several tests" in words) == is_said


def test_a_ladder_does_not_use_a_colour_twice(drawn, tmp_path):
    protocols = ["as_reported", "speaker_independent"]
    frame = pd.DataFrame([{"experiment": e, "protocol": p, "accuracy": 0.5} for e in "abcd" for p in protocols])
    shared = pd.DataFrame({"protocol": protocols, "clip": 0.5, "audio_hash": 0.5, "speaker": 1.0, "sentence": 1.0})
    results.ladder(frame.assign(low=None, high=None), shared, 0.2, "title", tmp_path / "x.png")
    scores, shares = drawn[0].axes
    models = {matplotlib.colors.to_hex(line.get_color()) for line in scores.lines if line.get_marker() == "o"}
    bars = {matplotlib.colors.to_hex(bar.get_facecolor()) for bar in shares.patches}
    assert (len(models), len(bars), models & bars) == (4, 4, set())
    assert (chance_lines(scores), chance_lines(shares)) == ([("y", 0.2)], [])
    assert "interval" not in " ".join(texts_of(drawn[0]))


@pytest.mark.slow
@pytest.mark.parametrize("name", reports.NAMES)
def test_no_figure_says_house_words(name, embedded, tmp_path, drawn):
    """Those of the clips; nothing that is not there is written either; and the titles fit."""
    report = reports.load(name)
    material = planning.gather(report, "a corpus", corpora.joined(report.corpora, embedded))
    for image in report.clip_figures:
        selection.of_clips(image, material.manifest, report.labels, LONG, tmp_path / "x.png")
    assert house_words(" ".join(text for figure in drawn for text in texts_of(figure))) == []
    assert all(map(fits, drawn))


@pytest.mark.slow
def test_titles_say_what_is_shown_and_fit(made, embedded, tmp_path, drawn):
    """Below a corpus with a long name too."""
    runs = [made(REPORT, name, "as_reported", repetition) for name in (CNN, LSTM) for repetition in range(2)]
    runs += [made(REPORT, name, "speaker_independent", 0, fold, 2) for name in (CNN, LSTM) for fold in range(2)]
    whole = passes.whole(runs)
    material = planning.gather(REPORT, LONG, corpora.joined(REPORT.corpora, embedded))
    paths = selection.of_report(REPORT, material, whole, reported.table(REPORT, whole), tmp_path)
    found = paired.compare(whole, [(CNN, LSTM)], REPORT.labels)
    paths += selection.of_comparison(REPORT, LONG, found, tmp_path)
    shown = {path.stem: " ".join(figure.get_suptitle().split()) for path, figure in zip(paths, drawn, strict=True)}
    begins = {
        "class_distribution": "Clips per class",
        "waveforms": "One clip per class, all on one scale",
        "curves_as_reported": "Learning curves, report's split: one line per training",
        "curves_speaker_independent": "Learning curves, unseen speakers: one line per training",
        "confusion_as_reported": "Confusion matrices in % of the true class, report's split",
        "confusion_speaker_independent": "Confusion matrices in % of the true class, unseen speakers",
        "splits": "Scores on train, validation and test",
        "protocols_accuracy": "Accuracy by protocol",
        "protocols_uar": "UAR by protocol",
        "ladder": "Accuracy under increasingly strict splits",
        "differences": "Accuracy difference A − B on the same clips",
        "reliability": "Accuracy by confidence",
    }
    assert shown.keys() == begins.keys()
    assert house_words(" ".join(text for figure in drawn for text in texts_of(figure))) == []
    for name, text in shown.items():
        assert text.startswith(begins[name]), name
        assert "RAVDESS speech, TESS and CREMA-D, without SAVEE" in text, name
    assert [path.stem for path, figure in zip(paths, drawn, strict=True) if not fits(figure)] == []


def test_what_draws_opens_no_recording_and_computes_no_feature():
    """``selection`` alone asks ``analysis`` for what is shown of a clip, and hands it in."""
    computing = r"(keras_ser\.(audio|dsp|layers|librosa_reference)|tensorflow|librosa|soundfile|scipy)\b"
    paths = {path.stem: path for path in Path(selection.__file__).parent.glob("*.py")}
    assert {"recordings", "results", "selection", "style"} <= set(paths)
    for name, path in paths.items():
        forbidden = computing if name == "selection" else rf"{computing}|keras_ser\.analysis\.examples\b"
        assert [imported for imported in imports(path) if re.match(forbidden, imported)] == [], name


@pytest.mark.parametrize("name", ["x$y_{z$", r"$\no{formula$"])
def test_a_name_like_a_formula_is_no_formula(name, rng, tmp_path):
    """Of a folder, a label, a clip: in titles, legends and beside axes."""
    path = tmp_path / "x.png"
    results.curves({name: [(history_of([1.0]), 1)]}, "report's split", 0.25, f"the folder {name}", path)
    counts = pd.DataFrame({"women": [1, 2], "men": [2, 1]}, index=[name, "anger"])
    recordings.class_distribution(counts, "title", path)
    waveform = rng.normal(size=800).astype(np.float32)
    recordings.waveforms([Example(name, "anger", name, waveform, 8000)] * 3, "title", path)
    recordings.timeline(pd.DataFrame({"start": [0.0], "end": [1.0], name: 0.5}), [name], name, path)


@pytest.mark.parametrize(
    ("losses", "shown"),
    [
        ([900.0, 0.5, 0.5, 0.05], ["0.1", "1", "10", "100", "1000"]),
        ([6.0, 1.0, 0.5, 0.25], ["0.5", "1", "2", "5"]),  # one power of ten alone is in sight
        ([2.0, 0.3, 0.3], ["0.5", "1", "2"]),
    ],
)
def test_ticks_of_a_logarithmic_axis_are_numbers(drawn, tmp_path, losses, shown):
    results.curves({"a": [(history_of(losses), 1)]}, "report's split", 0.25, "title", tmp_path / "x.png")
    drawn[0].draw_without_rendering()
    axis, (low, high) = drawn[0].axes[0].yaxis, drawn[0].axes[0].get_ylim()
    assert [tick.label1.get_text() for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high] == shown
    assert not any(tick.label1.get_text() for tick in axis.get_minor_ticks())
    assert "$" not in "".join(texts_of(drawn[0]))


def test_a_file_has_every_colour_that_a_colour_bar_explains(rng, tmp_path, monkeypatch):
    """A palette of 256 would make one colour of many."""
    shown = []
    pixels = style.pixels
    monkeypatch.setattr(style, "pixels", lambda figure: shown.append(pixels(figure)) or shown[-1])
    waveform = rng.normal(0, 0.1, 8000).astype(np.float32)
    tone = waveform, 8000, examples.spectrogram(waveform, 8000)
    with Image.open(recordings.chirp(tone, "", tmp_path / "x.png")) as image:
        assert image.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(image), shown[0])
    matrix = results.confusion_matrices({"cnn": MATRIX}, LABELS, "unseen speakers", "title", tmp_path / "x.png")
    with Image.open(matrix) as image:
        assert image.mode == "P"  # a chart


def test_a_corpus_is_named_in_short():
    assert style.short("TESS (Toronto Emotional Speech Set), 2800 clips") == "TESS, 2800 clips"


@pytest.mark.slow
def test_figures_of_a_report_replace_those_before(made, embedded, tmp_path):
    runs = [made(REPORT, CNN, "as_reported", repetition) for repetition in range(2)]
    runs += [made(REPORT, CNN, "speaker_independent", 0, fold, 2) for fold in range(2)]
    material = planning.gather(REPORT, "Emo-DB (a corpus)", corpora.joined(REPORT.corpora, embedded))
    whole = passes.whole(runs)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "listeners.png").write_bytes(b"of an earlier run")
    (tmp_path / "figures" / "mine.png").write_bytes(b"of the user")
    settings = dict(matplotlib.rcParams)
    paths = selection.of_report(REPORT, material, whole, reported.table(REPORT, whole), tmp_path / "figures")
    assert dict(matplotlib.rcParams) == settings
    assert {*paths, tmp_path / "figures" / "mine.png"} == {*(tmp_path / "figures").iterdir()}
    assert {path.stem for path in paths} <= {*selection.NAMES}
    assert sorted(path.stem for path in paths) == [
        *("class_distribution", "confusion_as_reported", "confusion_speaker_independent", "curves_as_reported"),
        *("curves_speaker_independent", "protocols_accuracy", "protocols_uar", "splits", "waveforms"),
    ]
    for path in paths:
        with Image.open(path) as image:
            assert image.format == "PNG"
            assert min(image.size) > 300


@pytest.mark.parametrize("name", ["emodb_losses", "crema_1d_2d"])
def test_what_diverged_is_not_drawn(name, made, tmp_path, drawn):
    """As counts and matrices, of which the reports print their own."""
    report = dataclasses.replace(reports.load(name), clip_figures=())
    clips = {"clips": 7442, "clips_by_corpus": {report.corpora[0]: 7442}}
    runs = [made(report, report.listed[0].name, "as_reported", k, diverged_at=2, **clips) for k in range(2)]
    whole = passes.whole(runs)
    material = planning.Material("a corpus", pd.DataFrame({"synthetic": [False]}), [], substitute=False)
    paths = selection.of_report(report, material, whole, reported.table(report, whole), tmp_path)
    assert {path.stem for path in paths} == {"curves_as_reported", "protocols_accuracy", "protocols_uar"}
    assert summaries.printed(report, []) == {}


@pytest.mark.slow
def test_several_processes_draw_the_same(made, embedded, tmp_path):
    whole = passes.whole([made(REPORT, CNN, "as_reported", repetition) for repetition in range(2)])
    material = planning.gather(REPORT, "Emo-DB (a corpus)", corpora.joined(REPORT.corpora, embedded))
    table = reported.table(REPORT, whole)
    alone, beside = (selection.of_report(REPORT, material, whole, table, tmp_path / str(jobs), jobs) for jobs in (1, 2))
    assert [path.name for path in alone] == [path.name for path in beside]
    assert [path.read_bytes() for path in alone] == [path.read_bytes() for path in beside]
