import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from keras_ser import corpora, reports
from keras_ser.analysis import reported
from keras_ser.runs.store import Run

REPORT = reports.load("emodb_losses")
CNN = "cnn/mean_squared_error"


def run(accuracy, seed=0, protocol="as_reported", experiment=CNN, **facts):
    classes = [{"label": label, "tp": 60, "fp": 3, "fn": 4} for label in REPORT.labels]
    metrics = {"accuracy": accuracy, "uar": accuracy, "macro_f1": accuracy, "weighted_f1": accuracy, "classes": classes}
    facts = {
        "experiment": experiment,
        "protocol": protocol,
        "seed": seed,
        "corpus": corpora.get("emodb").title,
        "clips": 535,
        "synthetic": False,
        "features": "in_graph",
        "epochs": 50,
        "device": "CPU",
        "examples": {"train": 2621, "validation": 562, "test": 562},
        "epochs_run": 20,
        "shared": {"test": 562, "clip": 560, "content": 560, "speaker": 562, "sentence": 562},
        "diverged_at": None,
        **facts,
    }
    return Run(Path(), facts, {} if facts["diverged_at"] else metrics)


def test_intervals_are_students():
    values = [0.91, 0.92, 0.90, 0.89, 0.93]
    of_mean, of_next = reported.intervals(values)
    expected = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    np.testing.assert_allclose(of_mean, expected)
    half = (of_mean[1] - of_mean[0]) / 2 * np.sqrt(5) * np.sqrt(1 + 1 / 5)
    np.testing.assert_allclose(of_next, (np.mean(values) - half, np.mean(values) + half))
    assert reported.intervals([0.9]) == (None, None)


@pytest.mark.parametrize(
    ("reported", "values", "options", "expected"),
    [
        (0.91, [0.90, 0.92, 0.91], {}, "reproduced"),
        (0.91, [0.50, 0.52, 0.51], {}, "lower"),
        (0.97, [0.973, 0.973, 0.973], {"rounding": 0.005}, "reproduced"),  # printed as "around 97 %"
        (0.97, [0.973, 0.973, 0.973], {}, "higher"),
        (0.51, [0.90, 0.92, 0.91], {}, "higher"),
        (None, [0.90, 0.92, 0.91], {}, "not stated"),
        (0.91, [0.91], {}, "not comparable (one seed has no spread)"),
        (0.91, [], {"diverged": 5}, "not comparable (every run diverged)"),
        (0.91, [0.90, 0.92], {"obstacle": "stand-in corpus"}, "not comparable (stand-in corpus)"),
    ],
)
def test_verdicts(reported, values, options, expected):
    assert reported.verdict(reported, values, **options) == expected


def test_the_prediction_interval_holds_the_next_value_as_often_as_it_says(rng):
    rows = rng.normal(0.9, 0.01, (4000, 6))
    held = [low <= row[5] <= high for row in rows for low, high in [reported.intervals(row[:5])[1]]]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)  # standard deviation 0.0034


def test_every_column_of_a_row_by_hand():
    values = [0.88, 0.90, 0.95]
    table = reported.table(REPORT, [run(value, seed) for seed, value in enumerate(values)])
    (row,) = table[(table["experiment"] == CNN) & (table["metric"] == "accuracy")].to_dict("records")
    low, high = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
    assert row == {
        "report": "emodb_losses",
        "experiment": CNN,
        "protocol": "as_reported",
        "metric": "accuracy",
        "reported": 0.9093,
        "mean": pytest.approx(0.91),
        "std": pytest.approx(np.std(values, ddof=1)),
        "n": 3,
        "ci_low": pytest.approx(low),
        "ci_high": pytest.approx(high),
        "verdict": "reproduced",
        "corpus": corpora.get("emodb").title,
        "clips": 535,
        "diverged": 0,
    }


def test_synthetic_speech_is_compared_with_nothing():
    runs = [run(0.9 + seed / 100, seed, synthetic=True, corpus="embedded synthetic speech") for seed in range(3)]
    table = reported.table(REPORT, runs)
    assert set(table["verdict"]) == {"not comparable (synthetic speech)", "not stated"}
    page = reported.markdown(REPORT, table, runs)
    assert "Ours: embedded synthetic speech, 535 clips" in page
    cells = {cell.strip() for cell in page.partition("## What the report leaves open")[0].split("|")}
    assert "not comparable (synthetic speech)" in cells
    assert not {"reproduced", "higher", "lower"} & cells


@pytest.mark.parametrize("protocol", ["as_reported", "clip_disjoint"])
def test_when_every_run_diverged_nothing_is_averaged(protocol):
    runs = [run(0.0, seed, protocol, "cnn/categorical_crossentropy", diverged_at=2) for seed in range(2)]
    table = reported.table(REPORT, runs)
    row = table.set_index(["experiment", "metric"]).loc[("cnn/categorical_crossentropy", "accuracy")]
    assert (row["n"], row["diverged"], row["verdict"]) == (0, 2, "not comparable (every run diverged)")
    page = reported.markdown(REPORT, table, runs)
    assert "n = 0, 2 diverged" in page
    assert "nan" not in page.lower()
    assert ("124 / –" in page) == (protocol == "as_reported")


def test_written_whole_or_not_at_all(tmp_path, small_disk):
    table = reported.table(REPORT, [run(0.9), run(0.92, 1)])
    reported.write(table, "the page\n", tmp_path / "emodb_losses")
    assert sorted(path.name for path in (tmp_path / "emodb_losses").iterdir()) == ["table.csv", "table.md"]
    read = pd.read_csv(tmp_path / "emodb_losses" / "table.csv")
    assert tuple(read.columns) == reported.COLUMNS
    pd.testing.assert_frame_equal(read, table, check_dtype=False, rtol=1e-5)
    with small_disk(100), pytest.raises(OSError, match="File too large"):
        reported.write(table, "another page\n", tmp_path / "emodb_losses")
    assert (tmp_path / "emodb_losses" / "table.md").read_text() == "the page\n"
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "emodb_losses" / "table.csv"), read)


def test_table_and_page():
    runs = [run(0.90 + 0.01 * seed, seed) for seed in range(5)]
    runs += [run(0.50 + 0.01 * seed, seed, "clip_disjoint") for seed in range(5)]
    runs[4] = run(0.0, 4, diverged_at=3)
    table = reported.table(REPORT, runs)
    assert tuple(table.columns) == reported.COLUMNS
    rows = table.set_index(["experiment", "protocol", "metric"])
    own = rows.loc[(CNN, "as_reported", "accuracy")]
    assert own["reported"] == 0.9093
    assert own["mean"] == pytest.approx(0.915)
    assert (own["n"], own["diverged"], own["verdict"]) == (4, 1, "reproduced")
    assert rows.loc[(CNN, "clip_disjoint", "accuracy"), "verdict"] == "lower"
    assert rows.loc[(CNN, "clip_disjoint", "uar"), "verdict"] == "not stated"
    assert rows.loc[("data", "as_reported", "examples"), "verdict"] == "reproduced"
    page = reported.markdown(REPORT, table, runs)
    for words in (
        "Emo-DB (Berlin Database of Emotional Speech), 535 clips",
        "1 diverged",
        "reproduced",
        "cepstral",
        "seeds 0, 1, 2, 3, 4",
    ):
        assert words in page
    assert "nan" not in page.lower()


def test_counts_a_class_stand_under_the_reports_own_protocol_only():
    name = "cnn/categorical_crossentropy"
    runs = [run(0.9, seed, protocol, name) for seed in range(2) for protocol in ("as_reported", "clip_disjoint")]
    table = reported.table(REPORT, runs)
    counts = table[table["metric"].str.startswith("tp_")]
    assert set(counts["protocol"]) == {"as_reported"}
    assert list(counts["reported"]) == [124, 81, 40, 74, 62, 62, 66]
    assert (counts["mean"] == 60).all()
    people = reported.classes_for_people(table, REPORT)
    assert people.iloc[0].tolist() == ["anger", "124 / 60.0", "11 / 3.0", "11 / 4.0"]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, ""),
        ({"clips": 531}, ""),  # a few clips that cannot be read do not make it another corpus
        ({"clips": 400}, "400 of 535 clips"),
        ({"corpus": "TESS in place of Emo-DB"}, "stand-in corpus"),
        ({"corpus": corpora.get("tess").title}, "stand-in corpus"),
        ({"synthetic": True}, "synthetic speech"),
    ],
)
def test_only_the_whole_corpus_of_the_report_is_compared(facts, said):
    runs = [run(0.9, **facts), run(0.91, 1, **facts)]
    assert reported.obstacle(REPORT, runs[0].facts) == said
    table = reported.table(REPORT, runs)
    verdicts = set(table.loc[table["reported"].notna(), "verdict"])
    assert (verdicts == {f"not comparable ({said})"}) == bool(said)


def test_other_sizes_of_the_sides_are_not_called_reproduced():
    small = run(0.9, examples={"train": 10, "validation": 2, "test": 2}, clips=534)
    table = reported.table(REPORT, [small]).set_index(["experiment", "metric"])
    assert set(table.loc["data", "verdict"]) == {"lower"}


def test_scores_of_every_side():
    of_sides = {"train": {"accuracy": 1.0, "weighted_f1": 0.9}, "validation": {"accuracy": 0.8, "weighted_f1": 0.7}}
    runs = [run(0.5), run(0.6, 1)]
    assert reported.sides(runs).empty
    runs = [dataclasses.replace(item, metrics={**item.metrics, **of_sides}) for item in runs]
    frame = reported.sides(runs)
    means = frame.groupby(["side", "metric"])["value"].mean()
    assert means["test", "accuracy"] == pytest.approx(0.55)
    assert means["validation", "weighted_f1"] == pytest.approx(0.7)
    (row,) = reported.sides_for_people(frame).to_dict("records")
    assert row["accuracy, test"] == "0.550 ± 0.071"
    assert row["weighted_f1, train"] == "0.900 ± 0.000"


def test_human_listeners_of_crema_d_as_published():
    report = reports.load("crema_1d_2d")
    matrix = reported.listeners_matrix(report)
    assert matrix.sum() == 68_568
    assert np.trace(matrix) / matrix.sum() == pytest.approx(0.400, abs=0.0005)  # of single votes; published: 0.409
    recalls = [{"label": label, "tp": 60, "fp": 3, "fn": 4, "recall": 0.5} for label in report.labels]
    item = run(0.5, experiment="cnn_2d/run_a", protocol="speaker_independent")
    item = dataclasses.replace(item, metrics={**item.metrics, "classes": recalls})
    people = reported.listeners_for_people(report, [item]).set_index("class")
    expected = {"anger": 0.532, "disgust": 0.286, "fear": 0.321, "happiness": 0.290, "neutral": 0.762, "sadness": 0.250}
    for label, recall in expected.items():
        assert people.at[label, "listeners"] == pytest.approx(recall, abs=0.0005)
    assert set(people["cnn_2d/run_a speaker_independent"]) == {0.5}
    votes = report.listeners()
    assert len(votes) == votes["clip"].nunique() == 7442


def test_shares():
    shares = reported.shared(
        [
            run(0.9),
            run(0.9, 1, "clip_disjoint", shared={"test": 80, "clip": 0, "content": 0, "speaker": 80, "sentence": 40}),
        ]
    )
    assert list(shares["protocol"]) == ["as_reported", "clip_disjoint"]
    assert list(shares["clip"]) == [560 / 562, 0]
    assert list(shares["sentence"]) == [1, 0.5]


def test_scores_by_the_speakers_that_were_tested():
    def tested(accuracy, seed, speakers, experiment=CNN):
        return run(accuracy, seed, "speaker_independent", experiment, test_speakers=speakers)

    runs = [tested(0.4, 0, ["OAF"]), tested(0.6, 2, ["OAF"]), tested(0.3, 1, ["YAF"]), run(0.9)]
    table = reported.by_test_speakers(runs)
    assert list(table) == ["experiment", "OAF", "YAF"]
    assert list(table.iloc[0]) == [CNN, pytest.approx(0.5), pytest.approx(0.3)]
    assert "2 speakers were" in reported.too_few_speakers(runs)
    assert "1 speaker was" in reported.too_few_speakers(runs[:2])
    assert reported.by_test_speakers([run(0.9)]).empty
    assert reported.too_few_speakers([run(0.9)]) == ""
    assert reported.too_few_speakers([tested(0.4, 0, list("abcdef"))]) == ""


def test_figures_that_are_no_scores():
    report = reports.load("crema_1d_2d")

    def of_crema(seed, worst, parameters=2_105_094):
        whole = {"corpus": corpora.get("crema_d").title, "clips": 7442}
        item = run(0.5, seed, experiment="cnn_1d/run_a", parameters=parameters, **whole)
        classes = [{"label": label, "tp": 60, "fp": 3, "fn": 4, "recall": 0.9} for label in report.labels]
        return dataclasses.replace(item, metrics={**item.metrics, "classes": classes, "most_confusing_class": worst})

    runs = [of_crema(0, "fear"), of_crema(1, "sadness"), of_crema(2, "fear")]
    table = reported.table(report, runs).set_index(["experiment", "metric"])
    worst = table.loc[("cnn_1d/run_a", "most_confusing_class")]
    assert (worst["reported"], worst["mean"], worst["verdict"]) == ("sadness", "fear", "reproduced")
    size = table.loc[("cnn_1d/run_a", "parameters")]
    assert (size["reported"], size["mean"], size["verdict"]) == (2_105_094, 2_105_094, "reproduced")
    page = reported.markdown(report, table.reset_index(), runs)
    assert "most_confusing_class" in page
    (other,) = [of_crema(0, "fear", parameters=2_000_000)]
    table = reported.table(report, [other]).set_index(["experiment", "metric"])
    assert table.at[("cnn_1d/run_a", "most_confusing_class"), "verdict"] == "differs"
    assert table.at[("cnn_1d/run_a", "parameters"), "verdict"] == "lower"


def test_scores_of_one_report_alone():
    """A seed whose test clips give no such score is not counted for it."""
    runs = [run(0.9, 0), run(0.8, 1)]
    runs[0].metrics["further"] = {"gender accuracy": 0.7, "tess: joint accuracy": 0.5}
    runs[1].metrics["further"] = {"gender accuracy": 0.9}
    table = reported.table(REPORT, runs)
    rows = table[table["experiment"] == CNN].set_index("metric")
    assert rows.loc["gender accuracy", ["mean", "n", "verdict"]].tolist() == [pytest.approx(0.8), 2, "not stated"]
    assert rows.loc["tess: joint accuracy", ["mean", "n"]].tolist() == [0.5, 1]
    people = reported.further_for_people(table)
    assert people.to_dict("records") == [
        {
            "experiment": CNN,
            "protocol": "as_reported",
            "gender accuracy": "0.800 ± 0.141",
            "tess: joint accuracy": "0.500",
        }
    ]
    assert "## Further scores" in reported.markdown(REPORT, table, runs)


def test_some_of_a_reports_corpora_are_no_stand_in():
    four = reports.load("four_corpora")
    for found, missing in ((four.corpora, ()), (("ravdess", "tess"), ("savee", "crema_d"))):
        assert not reported.is_stand_in(four, corpora.titles(found, missing))
    assert reported.is_stand_in(four, corpora.titles(["tess"]))  # does not say that three are missing
    assert reported.is_stand_in(four, corpora.titles(["emodb"], four.corpora))


def test_in_words():
    runs = [run(value, seed) for seed, value in enumerate((0.90, 0.91, 0.92))]
    runs += [run(value, seed, "clip_disjoint") for seed, value in enumerate((0.5, 0.6))]
    runs += [run(value, seed, "speaker_independent") for seed, value in enumerate((0.4, 0.5))]
    runs += [run(value, seed, experiment="cnn_lstm/mean_squared_error") for seed, value in enumerate((0.5, 0.51))]
    runs += [run(0.3, 0, "speaker_independent", "cnn_lstm/categorical_crossentropy")]
    assert reported.in_words(REPORT, reported.table(REPORT, runs)) == [
        "`cnn/mean_squared_error`: the report's 0.909 is reproduced, ours is 0.910 ± 0.010 over 3 seeds. Tested "
        "otherwise: 0.550 ± 0.071 with no copy of a test clip in train, 0.450 ± 0.071 on new speakers.",
        "`cnn_lstm/categorical_crossentropy`: 0.300 on new speakers.",
        "`cnn_lstm/mean_squared_error`: ours is lower than the report's 0.802: 0.505 ± 0.007 over 2 seeds.",
    ]
    (alone,) = reported.in_words(REPORT, reported.table(REPORT, [run(0.9, synthetic=True)]))
    assert alone == f"`{CNN}`: 0.900 over 1 seed, not comparable (synthetic speech) with the report's 0.909."
    assert reported.in_words(REPORT, reported.table(REPORT, [run(0.0, diverged_at=1)])) == []


def test_a_table_comes_back_with_its_labels_and_its_numbers(tmp_path):
    table = reported.table(REPORT, [run(0.9), run(0.92, 1)])
    label = {**table.iloc[0], "metric": "most_confusing_class", "reported": "fear", "mean": "disgust", "std": None}
    table = pd.concat([table, pd.DataFrame([label])], ignore_index=True)
    reported.write(table, "", tmp_path / "emodb_losses")
    found = reported.read(tmp_path / "emodb_losses" / "table.csv").set_index(["experiment", "metric"])
    assert found.loc[(CNN, "accuracy"), "mean"] == pytest.approx(0.91)
    assert found.loc[(label["experiment"], "most_confusing_class"), "mean"] == "disgust"
    (row,) = reported.summary(reported.accuracies([REPORT], tmp_path)).to_dict("records")
    assert (row["reported"], row["as reported"], row["verdict"]) == ("0.909", "0.910 ± 0.014", "reproduced")
    assert reported.accuracies([REPORT], tmp_path / "elsewhere").empty
