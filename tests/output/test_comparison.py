"""What a person reads of models side by side: from stored runs, whose numbers are checked where they are made."""

import pandas as pd
import pytest

from keras_ser import reports
from keras_ser.analysis import paired
from keras_ser.output import comparison, document, words
from keras_ser.runs import passes

REPORT = reports.load("emodb_losses")
CNN, LSTM = "cnn/mean_squared_error", "cnn_lstm/mean_squared_error"


def compared(runs, pairs, report=REPORT):
    """The answer of `compare` for people."""
    whole = passes.whole(runs)
    found = paired.compare(whole, pairs, report.labels)
    return document.as_markdown(comparison.whole("Question.", report, "a corpus", found))


def folds(made, experiment, protocol="speaker_independent", repetition=0, **options):
    return [made(REPORT, experiment, protocol, repetition, fold, 2, **options) for fold in range(2)]


def test_the_order_of_the_models_is_said_to_change_or_not(made):
    runs = [made(REPORT, CNN, "as_reported", right=0.9), made(REPORT, LSTM, "as_reported", right=0.5)]
    same = runs + folds(made, CNN, right=0.8) + folds(made, LSTM, right=0.2)
    said = "the order of the models is the same under the report's split and on unseen speakers: "
    assert said + f"{words.in_words(CNN)} > {words.in_words(LSTM)}." in compared(same, [])


def test_the_order_of_the_models_changes(made):
    runs = [made(REPORT, CNN, "as_reported", right=0.9), made(REPORT, LSTM, "as_reported", right=0.5)]
    runs += folds(made, CNN, right=0.2) + folds(made, LSTM, right=0.8)
    text = compared(runs, [])
    cnn, lstm = "CNN, mean squared error", "CNN-LSTM, mean squared error"
    orders = f"under the report's split {cnn} > {lstm}; on unseen speakers {lstm} > {cnn}"
    assert f"order of the models changes: {orders}" in text


def test_of_one_model_no_order_is_told(made):
    text = compared([made(REPORT, CNN, "as_reported"), *folds(made, CNN)], [])
    assert "order of the models" not in text


def test_tests_are_made_under_one_protocol_and_fitting_is_said(made):
    runs = [made(REPORT, name, "as_reported") for name in (CNN, LSTM)]
    runs += folds(made, CNN, right=0.9) + folds(made, LSTM, right=0.2)
    text = compared(runs, [(CNN, LSTM)])
    assert "Tests are made under `speaker_independent` alone" in text
    rows = [
        line.split("|")
        for line in text.splitlines()
        if f"{words.in_words(CNN)} − {words.in_words(LSTM)}" in line and line.startswith("|")
    ]
    assert [row[1].strip() for row in rows] == ["as_reported", "speaker_independent"]
    assert [row[-2].strip() for row in rows] == ["not tested", f"{words.in_words(CNN)} is better"]
    assert [cell.strip() for cell in rows[0][8:10]] == ["95.0%", "–"]  # an interval, no p
    assert "| fitted on   |" in text


def test_of_how_many_trainings_the_selection_is_told(made):
    runs = [made(REPORT, CNN, "as_reported", k) for k in range(3)]
    for run in runs[:1]:  # one of three watched its test clips
        history = run.history().assign(test_accuracy=[0.5, 0.6, 0.9, 0.7, 0.7])
        history.to_csv(run.folder / "history.csv", index=False)
    text = compared(runs, [])
    table = text.partition("## Bias from selecting the epoch on test data")[2].partition("\n## ")[0]
    header, _, row = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("|")]
    cells = dict(zip((name.strip() for name in header), (cell.strip() for cell in row), strict=True))
    assert (cells["watched"], cells["trainings"]) == ("1", "3")
    assert float(cells["best on test"]) == 0.9
    assert float(cells["tested"]) == pytest.approx(runs[0].metrics["accuracy"], abs=6e-4)


def test_an_svm_of_one_repetition_is_said_to_be(made):
    """Only where it stands beside several: it may have as many as the network."""
    sheet, pair = reports.load("spectral_features"), ("svm/energy", "cnn_2d")
    runs = [made(sheet, name, "clip_disjoint", repetition) for name in pair for repetition in range(2)]
    said = "An SVM with one repetition is compared with every repetition of a network"
    assert said not in compared(runs, [pair])
    text = compared(runs[1:], [pair])
    assert said in text
    assert cells_of(text)["repetitions"] == "2 (A 1, B 2)"
    assert "repetitions that both have" not in text
    assert said not in compared(runs[:3], [pair])


def test_repetitions_that_only_one_of_two_has_are_not_compared_and_that_is_said(made):
    said = "Models are compared in the repetitions that both have"
    runs = [made(REPORT, name, "as_reported", repetition) for name in (CNN, LSTM) for repetition in range(3)]
    whole = compared(runs, [(CNN, LSTM)])
    assert said not in whole
    assert cells_of(whole)["repetitions"] == "3"
    text = compared([*runs[:3], *runs[4:]], [(CNN, LSTM)])
    assert said in text
    assert cells_of(text)["repetitions"] == "2 (A 3, B 2)"


def cells_of(text):
    """The only row of the differences. → dict column → cell"""
    table = text.partition("## Differences on the same clips")[2].partition("\n## ")[0]
    header, _, row = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("|")]
    return dict(zip((name.strip() for name in header), (cell.strip() for cell in row), strict=True))


def test_speakers_are_said_to_be_excluded_only_where_some_are(made):
    """Where all of them chose the designs the accuracies are those of the first table."""
    said = "speakers on whom a design was chosen are excluded here"
    sheet, recipe = reports.load("spectral_features"), reports.load("unseen_speakers")
    for report, pair, some in (
        (sheet, ("cnn_2d", "cnn_1d/int16"), True),
        (sheet, ("svm/energy", "svm/centroid"), False),
        (recipe, ("cnn", "mlp"), False),
    ):
        runs = [made(report, name, "speaker_independent", 0, fold, 2) for name in pair for fold in range(2)]
        assert (said in compared(runs, [pair], report)) == some, pair


def test_of_what_diverged_no_speakers_are_called_unknown(made):
    """They are known; nothing was tested on them."""
    runs = [made(REPORT, CNN, "as_reported"), *folds(made, LSTM, diverged_at=1)]
    whole = passes.whole(runs)
    cells = comparison.scores(paired.scores(whole, paired.tested(whole))).set_index("experiment")
    assert cells.at[LSTM, "95 % over speakers"] == "–"


def test_the_bias_of_the_selection_is_a_mean_over_the_trainings():
    bias = pd.DataFrame(
        {"experiment": [CNN, LSTM], "protocol": "as_reported", "added": [0.01, 0.05], "watched": [1, 3]}
    )
    (sentence,) = comparison.sentences_of(pd.DataFrame(columns=["accuracy", "experiment"]), pd.DataFrame(), bias)
    assert "inflated accuracy by 0.040 on average, at most by 0.050 (CNN-LSTM, mean squared error" in sentence


def test_an_svm_has_no_calibration(made):
    sheet = reports.load("spectral_features")
    whole = passes.whole([made(sheet, "svm/energy", "as_reported"), made(sheet, "cnn_2d", "as_reported")])
    table = comparison.scores(paired.scores(whole, paired.tested(whole)))
    cells = table.set_index("experiment")
    assert (cells.at["svm/energy", "calibration error"], cells.at["svm/energy", "Brier score"]) == ("–", "–")
    assert float(cells.at["cnn_2d", "Brier score"]) > 0
