"""Reported against obtained: what stands in a row, and which verdict the values allow."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from keras_ser import corpora, reports
from keras_ser.analysis import reported, statistics
from keras_ser.runs.passes import Pass
from keras_ser.training.metrics import SCORES

REPORT = reports.load("emodb_losses")
CNN = "cnn/mean_squared_error"
SIZES = {"train": 2621, "validation": 562, "test": 562}


def answers(accuracy, n_speakers=10):
    """Predictions of 100 clips of ten speakers."""
    right = np.arange(100) < round(100 * accuracy)
    speakers = [f"{number % n_speakers:02d}" for number in range(100)]
    return pd.DataFrame(
        {
            **{"clip": [str(number) for number in range(100)], "copy": 0, "corpus": "emodb", "speaker": speakers},
            **{"true": "anger", "predicted": np.where(right, "anger", "fear")},
        }
    )


def one(accuracy, seed=0, protocol="as_reported", experiment=CNN, *, predictions=None, metrics=(), **facts):
    """A pass with these scores."""
    predictions = answers(accuracy) if predictions is None else predictions
    classes = [{"label": label, "tp": 60, "fp": 3, "fn": 4, "recall": 0.5} for label in REPORT.labels]
    scores = {"accuracy": accuracy, "uar": accuracy, "macro_f1": accuracy, "weighted_f1": accuracy, "test": 562}
    facts = {
        **{"report": REPORT.name, "experiment": experiment, "protocol": protocol, "seed": seed, "setup": "x"},
        **{"corpus": corpora.get("emodb").title, "clips": 535, "clips_by_corpus": {"emodb": 535}, "corpora": ["emodb"]},
        **{"synthetic": False, "substitute": False, "parameters": 314_759, "examples": SIZES},
        **{"shared": {"test": 562, "clip": 560, "audio_hash": 560, "speaker": 562, "sentence": 562}},
        **{"fitted_on": ["train"], "chosen_on": ["validation"], "from_all": [], "test_speakers": ["03", "08"]},
        "diverged_at": None,
        **facts,
    }
    run = SimpleNamespace(predictions=lambda: predictions, facts=facts)
    return Pass((run,), facts, {} if facts["diverged_at"] else {**scores, "classes": classes, **dict(metrics)})


def rows_of(items, report=REPORT):
    return reported.table(report, items).set_index(["experiment", "protocol", "metric", "label"])


@pytest.mark.parametrize(
    ("figure", "values", "options", "expected"),
    [
        (0.91, [0.90, 0.92, 0.91], {}, "reproduced"),
        (0.91, [0.50, 0.52, 0.51], {}, "lower"),
        (0.97, [0.973, 0.973, 0.973], {"rounding": 0.005}, "reproduced"),  # printed as "around 97 %"
        (0.97, [0.973, 0.973, 0.973], {}, "higher"),
        (0.51, [0.90, 0.92, 0.91], {}, "higher"),
        (None, [0.90, 0.92, 0.91], {}, "not stated"),
        (0.91, [0.91], {}, "not decided (one repetition)"),
        (0.8025, [0.42, 0.55, 0.70], {"chance": 1 / 7}, "not decided (interval too wide)"),
        (0.8025, [0.74, 0.78, 0.80], {"chance": 1 / 7}, "reproduced"),
        (0.8025, [0.74, 0.78, 0.80], {"chance": 0.6}, "not decided (interval too wide)"),
        (0.91, [], {"diverged": 5}, "not comparable (every run diverged)"),
        (0.91, [0.90, 0.92], {"obstacle": "substitute corpus"}, "not comparable (substitute corpus)"),
        (0.91, [0.90, 0.92, 0.91], {"without": "without SAVEE"}, "reproduced (without SAVEE)"),
        ("fear", ["fear", "sadness", "fear"], {}, "reproduced (2 of 3)"),
        ("sadness", ["fear", "sadness", "fear"], {}, "differs (1 of 3)"),
        ("fear", ["anger"] * 5, {}, "differs (0 of 5)"),
    ],
)
def test_verdicts(figure, values, options, expected):
    assert reported.verdict(figure, values, **options) == expected


def test_every_column_of_a_row_by_hand():
    values = [0.88, 0.90, 0.95]
    table = reported.table(REPORT, [one(value, seed) for seed, value in enumerate(values)])
    (row,) = table[(table["experiment"] == CNN) & (table["metric"] == "accuracy")].to_dict("records")
    low, high = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
    assert row == {
        "report": "emodb_losses",
        "experiment": CNN,
        "protocol": "as_reported",
        "metric": "accuracy",
        "label": "",
        "reported": 0.9093,
        "mean": pytest.approx(0.91),
        "std": pytest.approx(np.std(values, ddof=1)),
        "n": 3,
        "ci_low": pytest.approx(low),
        "ci_high": pytest.approx(min(1, high)),
        "interval_over": "repetitions",
        "pi_low": pytest.approx(0.91 - 2 * (0.91 - low)),  # √(1 + 1/3) is twice √(1/3)
        "pi_high": 1.0,
        "verdict": "reproduced",
        "corpus": corpora.get("emodb").title,
        "clips": 535,
        "tested": 100,
        "fitted_on": "train",
        "diverged": 0,
        "setup": "x",
    }
    assert tuple(table.columns) == reported.COLUMNS


def test_verdicts_are_of_the_reports_own_protocol():
    """The scores of the others stand beside nothing that the report printed."""
    values = (0.79, 0.80, 0.81)
    name = "cnn_lstm/mean_squared_error"
    protocols = ("as_reported", "clip_disjoint", "speaker_independent", "speaker_sentence_independent")
    items = [one(value, seed, protocol, name) for seed, value in enumerate(values) for protocol in protocols]
    table = reported.table(REPORT, items)
    others = table[table["protocol"] != "as_reported"]
    assert len(others) > 0
    assert set(others["verdict"]) == {"not stated"}
    assert others["reported"].isna().all()
    assert rows_of(items).loc[(name, "as_reported", "accuracy", ""), "verdict"] == "reproduced"


def test_no_interval_leaves_0_to_1():
    """Of the scores that every run has, and of those of one report."""
    items = [
        one(value, seed, protocol, metrics={"further": {"emodb: uar": value, "gender accuracy": value}})
        for protocol in ("as_reported", "speaker_independent")
        for seed, value in enumerate((0.9, 0.999, 1.0))
    ]
    table = reported.table(REPORT, items)
    shares = table[table["metric"].isin([*SCORES, "emodb: uar", "gender accuracy"])]
    assert len(shares) == 2 * (len(SCORES) + 2)
    bounds = shares[["ci_low", "ci_high", "pi_low", "pi_high"]].astype(float)
    assert bounds.notna().all(axis=None)
    assert ((bounds >= 0) & (bounds <= 1)).all(axis=None)


def test_the_interval_says_what_it_is_over():
    items = [
        one(value, seed, protocol)
        for seed, value in enumerate((0.4, 0.5))
        for protocol in ("as_reported", "speaker_independent")
    ]
    rows = rows_of(items)
    over = rows["interval_over"]
    assert over[(CNN, "as_reported", "accuracy", "")] == "repetitions"
    assert over[(CNN, "speaker_independent", "accuracy", "")] == "speakers"
    assert over[(CNN, "speaker_independent", "uar", "")] == "speakers"
    assert over[(CNN, "speaker_independent", "macro_f1", "")] == "repetitions"
    predictions = pd.concat([answers(0.4), answers(0.5)])
    correct = predictions["true"] == predictions["predicted"]
    expected = statistics.speaker_interval(correct, predictions["speaker"], n_clips=100)
    found = rows.loc[(CNN, "speaker_independent", "accuracy", ""), ["ci_low", "ci_high"]].tolist()
    assert found == pytest.approx(expected)
    few = [one(0.4, seed, "speaker_independent", predictions=answers(0.4, n_speakers=2)) for seed in range(2)]
    assert rows_of(few).loc[(CNN, "speaker_independent", "accuracy", ""), "interval_over"] == "repetitions"


def test_of_several_corpora_each_has_an_interval_over_its_own_speakers():
    of_both = pd.concat(
        [answers(0.4), answers(0.8).assign(corpus="tess", speaker=lambda table: "t" + table["speaker"])]
    )
    further = {"further": {f"{corpus}: {name}": 0.5 for corpus in ("emodb", "tess") for name in ("accuracy", "uar")}}
    passes = [one(0.6, seed, "speaker_independent", predictions=of_both, metrics=further) for seed in range(2)]
    rows = rows_of(passes)
    for corpus, accuracy in (("emodb", 0.4), ("tess", 0.8)):
        alone = [one(accuracy, seed, "speaker_independent", predictions=answers(accuracy)) for seed in range(2)]
        expected = rows_of(alone).loc[(CNN, "speaker_independent", "uar", ""), ["ci_low", "ci_high"]].tolist()
        found = rows.loc[(CNN, "speaker_independent", f"{corpus}: uar", "")]
        assert found["interval_over"] == "speakers"
        assert found[["ci_low", "ci_high"]].tolist() == pytest.approx(expected)


def test_on_the_one_corpus_that_is_tested_the_interval_is_that_of_all():
    further = {"further": {"emodb: uar": 0.5}}
    rows = rows_of([one(0.6, seed, "speaker_independent", metrics=further) for seed in range(2)])
    of_corpus, of_all = (rows.loc[(CNN, "speaker_independent", name, "")] for name in ("emodb: uar", "uar"))
    interval = ["ci_low", "ci_high", "interval_over"]
    assert of_corpus[interval].tolist() == of_all[interval].tolist()
    assert of_corpus["interval_over"] == "speakers"


def test_one_fit_has_no_interval_over_repetitions():
    row = rows_of([one(0.312)]).loc[(CNN, "as_reported", "accuracy", "")]
    assert row["n"] == 1
    assert row[["std", "ci_low", "ci_high", "pi_low", "pi_high"]].isna().all()
    assert row["interval_over"] == ""
    assert row["verdict"] == "not decided (one repetition)"


def test_synthetic_speech_is_compared_with_nothing():
    items = [one(0.9 + seed / 100, seed, synthetic=True) for seed in range(3)]
    found = set(reported.table(REPORT, items)["verdict"])
    assert found == {"not comparable (synthetic speech)", "not stated"}


@pytest.mark.parametrize("protocol", ["as_reported", "speaker_independent"])
def test_when_every_run_diverged_nothing_is_averaged(protocol):
    items = [one(0.0, seed, protocol, diverged_at=2) for seed in range(2)]
    row = rows_of(items).loc[(CNN, protocol, "accuracy", "")]
    said = "not comparable (every run diverged)" if protocol == "as_reported" else "not stated"
    assert (row["n"], row["diverged"], row["verdict"]) == (0, 2, said)
    assert pd.isna(row["mean"])


def test_a_run_that_diverged_is_counted_and_not_averaged():
    items = [one(0.90, 0), one(0.92, 1), one(0.0, 2, diverged_at=3)]
    row = rows_of(items).loc[(CNN, "as_reported", "accuracy", "")]
    assert (row["n"], row["diverged"], row["mean"]) == (2, 1, pytest.approx(0.91))


def test_counts_of_a_class_stand_under_the_reports_own_protocol_only():
    name = "cnn/categorical_crossentropy"
    items = [one(0.9, seed, protocol, name) for seed in range(2) for protocol in ("as_reported", "clip_disjoint")]
    table = reported.table(REPORT, items)
    counts = table[table["metric"] == "tp"]
    assert set(counts["protocol"]) == {"as_reported"}
    assert list(counts["label"]) == list(REPORT.labels)
    assert list(counts["reported"]) == [124, 81, 40, 74, 62, 62, 66]
    assert (counts["mean"] == 60).all()


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, ""),
        ({"clips": 531, "clips_by_corpus": {"emodb": 531}}, ""),  # a few that cannot be read make no other corpus
        ({"clips": 400, "clips_by_corpus": {"emodb": 400}}, "400 of 535 clips"),
        ({"corpus": "whatever it is called"}, ""),
        ({"substitute": True, "clips_by_corpus": {"tess": 2800}}, "substitute corpus"),
        ({"synthetic": True}, "synthetic speech"),
    ],
)
def test_only_the_whole_corpus_of_the_report_is_compared(facts, said):
    items = [one(0.9, **facts), one(0.91, 1, **facts)]
    assert reported.obstacle(REPORT, items[0].facts) == said
    table = reported.table(REPORT, items)
    verdicts = set(table.loc[table["reported"].notna(), "verdict"])
    assert (verdicts == {f"not comparable ({said})"}) == bool(said)


def test_most_of_several_corpora_is_compared_and_says_what_is_missing():
    report = reports.load("four_corpora")
    whole = {"crema_d": 7442, "tess": 2800, "ravdess": 1440, "savee": 480}
    facts = {"synthetic": False, "substitute": False, "clips": 12162, "clips_by_corpus": whole}
    assert (reported.obstacle(report, facts), reported.without(report, facts)) == ("", "")
    most = {**whole, "savee": 0}
    facts |= {"clips": 11682, "clips_by_corpus": {name: n for name, n in most.items() if n}}
    assert (reported.obstacle(report, facts), reported.without(report, facts)) == (
        "",
        "without SAVEE, 4 % of the clips",
    )
    rows = {row["metric"]: row["verdict"] for row in reported._data_rows(report, [one(0.9, **facts)])}
    # Clips of a corpus that is there are counted by themselves.
    assert (rows["ravdess"], rows["tess"], rows["crema_d"]) == ("reproduced", "higher", "reproduced")
    assert rows["savee"] == rows["clips"] == "lower (without SAVEE, 4 % of the clips)"
    facts |= {"clips": 4240, "clips_by_corpus": {"tess": 2800, "ravdess": 1440}}
    assert reported.obstacle(report, facts) == "4240 of 12162 clips"


@pytest.mark.parametrize(
    ("sizes", "verdict"),
    [
        ([2621, 2621, 2621], "reproduced"),
        ([2600, 2600, 2600], "lower"),
        ([2621, 2620, 2622], "lower (1 of 3)"),  # of the mean, 2621, it is not higher
        ([2621, 2622, 2622], "higher (1 of 3)"),
    ],
)
def test_sizes_may_differ_between_repetitions(sizes, verdict):
    items = [one(0.9, seed, examples={**SIZES, "train": size}) for seed, size in enumerate(sizes)]
    rows = rows_of(items)
    assert rows.loc[("data", "as_reported", "train", ""), "verdict"] == verdict
    assert rows.loc[("data", "as_reported", "test", ""), "verdict"] == "reproduced"


def test_scores_of_every_split():
    of_splits = {"train": {"accuracy": 1.0, "weighted_f1": 0.9}, "validation": {"accuracy": 0.8, "weighted_f1": 0.7}}
    assert reported.splits([one(0.5)]).empty
    frame = reported.splits([one(0.5, metrics=of_splits), one(0.6, 1, metrics=of_splits)])
    means = frame.groupby(["split", "metric"])["value"].mean()
    assert means["test", "accuracy"] == pytest.approx(0.55)
    assert means["validation", "weighted_f1"] == pytest.approx(0.7)
    refitted = one(0.5, metrics={"train": of_splits["train"]})  # its validation belongs to another fit
    assert reported.splits([refitted]).empty


def test_human_listeners_of_crema_d_as_published():
    report = reports.load("crema_1d_2d")
    matrix = reported.listeners_matrix(report)
    assert matrix.sum() == 68_568
    assert np.trace(matrix) / matrix.sum() == pytest.approx(0.400, abs=0.0005)  # of single votes; published: 0.409
    classes = [{"label": label, "recall": 0.5} for label in report.labels]
    item = one(0.5, experiment="cnn_2d/run_a", protocol="speaker_independent", metrics={"classes": classes})
    listeners, model = reported.listeners(report, [item]).to_dict("records")
    expected = {"anger": 0.532, "disgust": 0.286, "fear": 0.321, "happiness": 0.290, "neutral": 0.762, "sadness": 0.250}
    for label, recall in expected.items():
        assert listeners[label] == pytest.approx(recall, abs=0.0005)
    assert listeners["all clips"] == pytest.approx(0.400, abs=0.0005)
    assert (model["experiment"], model["protocol"]) == ("cnn_2d/run_a", "speaker_independent")
    assert {model[label] for label in (*expected, "all clips")} == {0.5}
    votes = reported.votes(report)
    assert len(votes) == votes["clip"].nunique() == 7442
    # Who chose among six emotions is not set beside a model that knows five of them, or another.
    assert reported.votes(report.of_classes(report.labels[1:])) is None
    assert reported.votes(report.of_classes((*report.labels, "boredom"))) is None
    assert reported.votes(report.of_classes(report.labels[::-1])) is not None


HONEST = {"test": 80, "clip": 0, "audio_hash": 0, "speaker": 80, "sentence": 40}


def test_scores_that_were_known_are_no_proof_of_a_separate_test_set():
    """The test actors of the sheet chose no design, but their scores were known when one was chosen anew."""
    predictions = answers(0.5, n_speakers=9)
    predictions = predictions[predictions["speaker"] > "04"].assign(corpus="ravdess")
    facts = {"report": "spectral_features", "corpora": ["ravdess"], "predictions": predictions, "chosen_on": []}
    known = "the scores of 4 of the test speakers were known when a design was chosen"
    for name, answer in (("cnn_1d/int16", "not known"), ("cnn_2d", "not known"), ("svm/energy", "no")):
        sheet = reported.info_sheets([one(0.5, experiment=name, **facts)])["as_reported"].set_index("type")
        leak, where = sheet.loc["L1.1 no separate test set"]
        assert (leak, where.endswith(known)) == (answer, answer == "not known")


def test_predictions_are_read_once_for_all_scores_of_a_group():
    """And once more for the intervals over speakers, or for the sizes of the splits."""
    read, items = [], [one(0.9, protocol=protocol) for protocol in ("as_reported", "speaker_independent")]
    predictions = answers(0.9)
    for item in items:
        item.runs[0].predictions = lambda name=item.facts["protocol"]: read.append(name) or predictions
    reported.table(REPORT, items)
    assert sorted(read) == ["as_reported"] * 2 + ["speaker_independent"] * 2


def test_shares():
    shares = reported.shared([one(0.9), one(0.9, 1, "clip_disjoint", shared=HONEST)])
    assert list(shares["protocol"]) == ["as_reported", "clip_disjoint"]
    assert list(shares["clip"]) == [560 / 562, 0]
    assert list(shares["sentence"]) == [1, 0.5]


def test_an_info_sheet_for_each_protocol():
    sheets = reported.info_sheets(
        [
            one(0.9, from_all=["the mean of the MFCC"], test_speakers=["03"]),
            one(0.9, 1, test_speakers=["08"], chosen_on=[]),
            one(0.5, 0, "clip_disjoint", shared=HONEST),
        ]
    )
    assert list(sheets) == ["as_reported", "clip_disjoint"]
    leaky, honest = (sheet.set_index("type") for sheet in sheets.values())
    assert len(leaky) == len(honest) == 8
    processing = "L1.2 pre-processing on train and test together"
    assert leaky.loc[processing].tolist() == ["yes", "the mean of the MFCC"]
    assert honest.loc[processing, "leakage"] == "no"
    dependence = "L3.2 dependence of train and test"
    assert "560 of 562 test examples (100 %) have an augmented version" in leaky.loc[dependence, "where"]
    assert honest.loc[dependence, "where"].startswith("80 of 80 test examples (100 %) have the speaker in train; 40 of")
    assert "2 test speakers" in leaky.loc["L3.3 biased sample", "where"]


def test_a_design_that_was_chosen_on_test_speakers_is_a_leak():
    """As the experiment of today says, whatever the run does."""
    predictions = answers(0.5, n_speakers=8).assign(corpus="ravdess")
    facts = {"report": "spectral_features", "corpora": ["ravdess"], "predictions": predictions}
    first = "L1.1 no separate test set"

    def said(name):
        item = one(0.5, 0, "speaker_independent", name, chosen_on=[], **facts)
        return reported.info_sheets([item])["speaker_independent"].set_index("type").loc[first].tolist()

    # Speakers 00 to 07, of whom 01 to 04 chose, when the scores of 05 to 08 were known.
    known = "the scores of 3 of the test speakers were known when a design was chosen"
    assert said("cnn_2d") == ["yes", f"the design was chosen on 4 of the test speakers; {known}"]
    assert said("svm_grid/energy") == ["no", "no epoch, weight or hyperparameter was chosen on test clips"]


def test_scores_by_the_speakers_that_were_tested():
    items = [one(0.4, 0, "speaker_independent"), one(0.6, 1, "speaker_independent"), one(0.9)]
    table = reported.by_speaker(items)
    assert len(table) == 10
    assert set(table["experiment"]) == {CNN}
    assert table["accuracy"].mean() == pytest.approx(0.5)
    assert reported.by_speaker([one(0.9)]).empty


def test_the_interval_over_clips():
    items = [one(0.5, metrics={"test": 128}), one(0.9, protocol="speaker_independent")]
    (row,) = reported.over_clips(items).to_dict("records")
    low, high = stats.binomtest(64, 128).proportion_ci(method="wilson")
    assert list(row.values()) == [CNN, 0.5, pytest.approx(low), pytest.approx(high), 128]


def test_figures_that_are_no_scores():
    report = reports.load("crema_1d_2d")

    def of_crema(seed, worst, parameters=2_105_094, **facts):
        whole = {"corpus": corpora.get("crema_d").title, "clips": 7442, "clips_by_corpus": {"crema_d": 7442}}
        metrics = {"most_confusing_class": worst}
        return one(0.5, seed, experiment="cnn_1d/run_a", parameters=parameters, metrics=metrics, **whole, **facts)

    def found(items, metric):
        row = rows_of(items, report).loc[("cnn_1d/run_a", "as_reported", metric, "")]
        return row["reported"], row["mean"], row["verdict"]

    items = [of_crema(0, "fear"), of_crema(1, "sadness"), of_crema(2, "fear")]
    assert found(items, "most_confusing_class") == ("sadness", "fear", "differs (1 of 3)")  # the most frequent decides
    items[2] = of_crema(2, "sadness")
    assert found(items, "most_confusing_class") == ("sadness", "sadness", "reproduced (2 of 3)")
    assert found(items, "parameters") == (2_105_094, 2_105_094, "reproduced")
    assert found([of_crema(0, "fear", 2_000_000)], "parameters") == (2_105_094, 2_000_000, "lower")
    diverged = [of_crema(0, "fear", diverged_at=1)]
    for metric in ("most_confusing_class", "parameters", "accuracy"):
        assert found(diverged, metric)[2] == "not comparable (every run diverged)"


def test_scores_of_one_report_alone():
    """A repetition whose test clips give no such score is not counted for it."""
    items = [
        one(0.9, metrics={"further": {"gender accuracy": 0.7, "tess: joint accuracy": 0.5}}),
        one(0.8, 1, metrics={"further": {"gender accuracy": 0.9}}),
    ]
    rows = rows_of(items).xs((CNN, "as_reported"), level=(0, 1)).droplevel("label")
    assert rows.loc["gender accuracy", ["mean", "n", "verdict"]].tolist() == [pytest.approx(0.8), 2, "not stated"]
    assert rows.loc["tess: joint accuracy", ["mean", "n"]].tolist() == [0.5, 1]


@pytest.mark.parametrize(
    ("name", "used", "expected"),
    [
        ("emodb_losses", ["emodb"], 1 / 7),
        ("unseen_speakers", ["crema_d", "ravdess", "emodb"], None),
        ("unseen_speakers", ["folders"], 1 / 9),  # a user's own recordings
    ],
)
def test_chance_is_one_where_the_corpora_have_the_same_classes(name, used, expected):
    passes = [SimpleNamespace(facts={"corpora": used})]
    assert reported.chance(reports.load(name), passes) == expected


def test_chance_has_the_classes_that_have_clips():
    report = reports.load("four_corpora")
    assert reported.chance(report, []) == 1 / 14
    assert reported.chance(report.of_classes(("anger", "unknown")), []) == 1 / 2  # of a user's own


def test_how_many_clips_and_classes_of_each_corpus_are_tested():
    """Of an unseen corpus only those of the classes that the others have; clips of several repetitions once."""
    every = pd.DataFrame(
        {
            **{"corpus": ["emodb"] * 3 + ["crema_d"] * 2, "clip": list("abcde")},
            "true": ["anger", "boredom", "anger", "anger", "fear"],
        }
    )
    known = every[every["true"] != "boredom"]
    passes = [one(0.5, seed, "speaker_independent", predictions=every) for seed in range(2)]
    passes += [one(0.5, 0, "corpus_independent", predictions=known), one(0.5, 1, "as_reported", diverged_at=1)]
    found = {name: counts.to_dict("index") for name, counts in reported.tested_by_corpus(passes).items()}
    of_all = {"emodb": {"clip": 3, "true": 2}, "crema_d": {"clip": 2, "true": 2}}
    of_unseen = {**of_all, "emodb": {"clip": 2, "true": 1}}
    assert found == {"": of_all, "speaker_independent": of_all, "corpus_independent": of_unseen}
    assert reported.tested_by_corpus(passes[-1:]) == {}
