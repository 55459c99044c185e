"""Models side by side: by hand on a few clips."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from keras_ser.analysis import paired, statistics
from keras_ser.data.protocols import PROTOCOLS
from keras_ser.errors import UserError
from keras_ser.runs import passes
from keras_ser.runs.store import Run

LABELS = ("anger", "fear")
SPEAKERS = np.repeat(list("abcdefgh"), 10)
CLIPS = [f"{speaker}{number}" for number, speaker in enumerate(SPEAKERS)]


@pytest.fixture(autouse=True)
def designs(monkeypatch):
    """Name of an experiment → the speakers that chose its design: of the experiments of today, which are made up."""
    known = {}

    def experiment_of(facts):
        return SimpleNamespace(selected_on=known.get(facts["experiment"], {}))

    monkeypatch.setattr(paired.extensions, "experiment_of", experiment_of)
    return known


def one(
    folder,
    experiment,
    right,
    seed=0,
    protocol="speaker_independent",
    *,
    speakers=SPEAKERS,
    clips=CLIPS,
    corpora="emodb",
    shifts=0.0,
    **facts,
):
    """A pass that gets the clips right where ``right`` [clips], always with probability 0.8."""
    true = np.where(np.arange(len(clips)) % 2, "fear", "anger")
    predicted = np.where(right, true, np.where(true == "fear", "anger", "fear"))
    predictions = pd.DataFrame({"clip": clips, "copy": 0, "corpus": corpora, "speaker": speakers})
    predictions = predictions.assign(transform="pitch_shift", parameter=shifts)
    predictions = predictions.assign(true=true, predicted=predicted)
    for label in LABELS:
        predictions[f"p_{label}"] = np.where(predicted == label, 0.8, 0.2)
    place = folder / experiment.replace("/", "_") / protocol / str(seed)
    place.mkdir(parents=True)
    predictions.to_csv(place / "predictions.csv", index=False)
    write_history(place, {"epoch": np.arange(1, 8), "val_loss": 1.0})
    facts = {
        **{"report": "emodb_losses", "setup": experiment, "experiment": experiment, "protocol": protocol},
        **{"seed": seed, "fold": None, "n_folds": 1, "kind": "network", "epochs_run": 7, "diverged_at": None},
        **{"fitted_on": ["train"], "labels": [*LABELS], "examples": {"test": len(clips)}},
        **{"corpus": "Emo-DB", "clips": 535},
        **facts,
    }
    (item,) = passes.whole([Run(place, facts, {"accuracy": float(np.mean(right)), "uar": float(np.mean(right))})])
    return item


def write_history(folder, columns):
    """The columns of a network's history that are told, and any values of those that it must have."""
    table = pd.DataFrame({"fit": 1, "loss": 1.0, "accuracy": 0.5} | columns)
    table.to_csv(folder / "history.csv", index=False)


def svm(folder, right, **options):
    return one(folder, "svm", right, kind="svm", epochs_run=0, **options)


def compared(items, pairs):
    return paired.differences(paired.tested(items), pairs, items)


@pytest.fixture
def better(rng):
    """Two sets of right answers: the second is right where the first is, and in one to three more clips of each
    speaker.
    """
    first = rng.random(80) < 0.4
    second = first.copy()
    for speaker in range(8):
        wrong = np.flatnonzero(~first[speaker * 10 : speaker * 10 + 10])[: 1 + speaker % 3] + speaker * 10
        second[wrong] = True
    return first, second


def test_every_clip_of_every_pass(tmp_path, better):
    clips = paired.tested([one(tmp_path, "a", better[0]), one(tmp_path, "b", better[1], seed=1)])
    assert len(clips) == 160
    row = clips.loc[0, ["experiment", "seed", "clip", "corpus", "speaker", "confidence"]].tolist()
    assert row == ["a", 0, "a0", "emodb", "a", 0.8]
    np.testing.assert_array_equal(clips["correct"], np.concatenate(better))
    np.testing.assert_allclose(clips["brier"], np.where(clips["correct"], 2 * 0.2**2, 2 * 0.8**2))


def test_scores(tmp_path, better):
    first, second = better
    items = [
        one(tmp_path, "a", first),
        one(tmp_path, "a", second, seed=1),
        svm(tmp_path, first),
        one(tmp_path, "a", second, protocol="as_reported"),
    ]
    frame = paired.scores(items, paired.tested(items))
    assert list(zip(frame["protocol"], frame["experiment"], frame["n"], strict=True)) == [
        ("as_reported", "a", 1),
        ("speaker_independent", "a", 2),
        ("speaker_independent", "svm", 1),
    ]
    row = frame.loc[1]
    mean = (first.mean() + second.mean()) / 2
    assert row["accuracy"] == pytest.approx(mean)
    assert row["accuracy_std"] == pytest.approx(abs(first.mean() - second.mean()) / 2**0.5)
    half = stats.t.ppf(0.975, 1) * row["accuracy_std"] / np.sqrt(2)
    assert row["repetitions_high"] == pytest.approx(min(1, mean + half))
    assert row["repetitions_low"] == pytest.approx(max(0, mean - half))
    assert row["low"] < mean < row["high"]
    assert (row["speakers"], row["tested"], row["fitted_on"]) == (8, 80, "train")
    assert (row["corpus"], row["clips"]) == ("Emo-DB", 535)
    assert row["calibration_error"] == pytest.approx(np.mean([abs(0.8 - right.mean()) for right in better]))
    assert row["epochs"] == 7
    of_svm = frame.loc[2, ["accuracy_std", "repetitions_low", "calibration_error", "brier"]]
    assert of_svm.isna().all()  # one fit has no spread, and its numbers are no probabilities


def test_order_of_the_models(tmp_path, better):
    items = [one(tmp_path, name, right) for name, right in zip("ab", better, strict=True)]
    items += [one(tmp_path, name, right, protocol="as_reported") for name, right in zip("ba", better, strict=True)]
    frame = paired.scores(items, paired.tested(items))
    assert paired.order_of_models(frame) == {"as_reported": ["a", "b"], "speaker_independent": ["b", "a"]}


def test_differences_on_the_same_clips(tmp_path, better):
    first, second = better
    items = [
        one(tmp_path, "a", first),
        one(tmp_path, "b", second),
        one(tmp_path, "c", first),
        one(tmp_path, "d", first, 5),
    ]
    frame = compared(items, [("a", "b"), ("a", "c"), ("a", "d")])
    assert list(frame["second"]) == ["b", "c"]  # d has no repetition in common with a
    assert frame["difference"].tolist() == [pytest.approx(first.mean() - second.mean()), 0]
    p = statistics.paired(first.astype(float) - second, SPEAKERS)
    assert frame["p"].tolist() == [pytest.approx(p), 1]
    assert frame["p_corrected"].tolist() == [pytest.approx(2 * p), 1]
    assert frame["finding"].tolist() == ["b is better", "no difference shown"]
    assert frame["level"].tolist() == [0.975, 0.95]
    assert frame["high"][0] < 0
    recall = paired.by_class(paired.tested(items), [("a", "b")], LABELS)
    fear = np.arange(80) % 2 == 1
    assert recall.loc[0, "fear"] == pytest.approx(first[fear].mean() - second[fear].mean())


def test_copies_that_were_shifted_otherwise_are_not_the_same(tmp_path, better):
    """An SVM of one repetition beside a network of two, for each of which half of the clips are shifted anew."""
    first, second = better
    shifts = [np.where(np.arange(80) < 40, 0.0, shift) for shift in (0.5, -0.7)]
    items = [one(tmp_path, "a", first, seed, shifts=of_seed) for seed, of_seed in enumerate(shifts)]
    items.append(svm(tmp_path, second, shifts=shifts[0]))
    row = compared(items, [("a", "svm")]).loc[0]
    assert row["clips"] == 80
    assert row["accuracy_first"] == pytest.approx((2 * first[:40].sum() + first[40:].sum()) / 120)
    assert list(paired.scores(items, paired.tested(items))["tested"]) == [120, 80]


def test_a_row_has_one_estimand(tmp_path, rng):
    """The difference is that of the accuracies beside it, and where both have all repetitions, of the scores."""
    items = [one(tmp_path, name, rng.random(80) < 0.5, seed) for name in "ab" for seed in range(3)]
    items.append(svm(tmp_path, rng.random(80) < 0.5))
    accuracy = paired.scores(items, paired.tested(items)).set_index("experiment")["accuracy"]
    for row in compared(items, [("a", "b"), ("a", "svm"), ("svm", "b")]).itertuples():
        assert row.difference == pytest.approx(row.accuracy_first - row.accuracy_second)
        assert row.accuracy_first == pytest.approx(accuracy[row.first])
        assert row.accuracy_second == pytest.approx(accuracy[row.second])
        assert row.low <= row.difference <= row.high
        assert (row.low > 0 or row.high < 0) == (row.p_corrected < 0.05)
        assert row.clips == 80
        assert row.one_beside_several == ("svm" in (row.first, row.second))


def test_corrections_run_over_the_primary_protocol_alone(tmp_path, better):
    items = [
        one(tmp_path, name, right, protocol=protocol)
        for name, right in zip("ab", better, strict=True)
        for protocol in PROTOCOLS
    ]
    frame = compared(items, [("a", "b")]).set_index("protocol")
    assert list(frame.index) == list(PROTOCOLS)
    assert frame["primary"].sum() == 1
    primary = frame.loc["speaker_independent"]
    assert primary["p_corrected"] == primary["p"]  # one comparison, whatever the number of protocols
    assert primary["finding"] == "b is better"
    others = frame.drop(index="speaker_independent")
    assert others[["p", "p_corrected"]].isna().all(axis=None)
    assert set(others["finding"]) == {"not tested"}
    assert others[["low", "high"]].notna().all(axis=None)


def test_what_one_model_alone_was_run_under_is_not_primary(tmp_path, better):
    items = [one(tmp_path, name, right, protocol="clip_disjoint") for name, right in zip("ab", better, strict=True)]
    items.append(one(tmp_path, "a", better[0]))
    (row,) = compared(items, [("a", "b")]).to_dict("records")
    assert (row["protocol"], row["primary"], row["finding"]) == ("clip_disjoint", True, "b is better")
    assert compared(items[1:], [("a", "b")]).empty


@pytest.mark.parametrize(
    ("names", "primary"),
    [
        (["as_reported", "clip_disjoint", "speaker_independent"], "speaker_independent"),
        (["as_reported", "sentence_independent", "clip_disjoint"], "sentence_independent"),
        (["as_reported"], "as_reported"),
    ],
)
def test_the_primary_protocol_is_the_hardest_of_the_usual_ones(names, primary):
    assert paired.primary_of(names) == primary


def test_what_was_fitted_to_other_clips_is_not_compared(tmp_path, better):
    items = [one(tmp_path, "a", better[0]), svm(tmp_path, better[1], fitted_on=["train", "validation"])]
    (row,) = compared(items, [("a", "svm")]).to_dict("records")
    assert row["finding"] == "not compared: fitted to train and to train + validation"
    assert pd.isna(row["p"])


def test_what_was_fitted_to_other_corpora_is_not_compared(tmp_path, better):
    """As a network for three corpora and an SVM of one of them: both are fitted to what they call train."""
    corpora = np.where(np.arange(80) < 40, "emodb", "ravdess")
    of_one = {"speakers": SPEAKERS[:40], "clips": CLIPS[:40]}
    items = [one(tmp_path, "a", better[0], corpora=corpora), svm(tmp_path, better[1][:40], **of_one)]
    (row,) = compared(items, [("a", "svm")]).to_dict("records")
    assert (row["finding"], row["clips"]) == ("not compared: fitted to other corpora", 40)
    assert pd.isna(row["p"])


def test_nothing_is_tested_on_the_speakers_that_chose_a_design(tmp_path, better, designs):
    """Whatever the runs say, which are stored."""
    first, second = better
    for number, (selected_on, corpus) in enumerate([({"emodb": ()}, True), ({"ravdess": ()}, False)]):
        folder, designs["a"] = tmp_path / str(number), selected_on
        items = [one(folder, "a", first), one(folder, "b", second)]
        (row,) = compared(items, [("a", "b")]).to_dict("records")
        assert (row["finding"] == "not tested: these speakers chose the design") == corpus
        assert (row["finding"] == "b is better") == (not corpus)
        assert pd.isna(row["p"]) == corpus


@pytest.mark.parametrize(("n_chose", "finding"), [(2, "b is better"), (4, "too few speakers to tell (4)")])
def test_where_some_speakers_chose_the_others_are_tested(tmp_path, better, designs, n_chose, finding):
    first, second = better
    designs["a"] = {"emodb": tuple("abcdefgh")[:n_chose]}
    items = [one(tmp_path, "a", first), one(tmp_path, "b", second)]
    (row,) = compared(items, [("a", "b")]).to_dict("records")
    others = slice(10 * n_chose, None)
    assert row["difference"] == pytest.approx(first[others].mean() - second[others].mean())
    assert (row["clips"], row["speakers"]) == (80 - 10 * n_chose, 8 - n_chose)
    assert row["finding"] == finding


def test_as_many_may_have_chosen_as_are_left(tmp_path, rng, designs):
    speakers = np.repeat([f"s{number:02d}" for number in range(12)], 10)
    clips = [f"{number}" for number in range(120)]
    first = rng.random(120) < 0.3
    second = first | (rng.random(120) < 0.6)
    designs["a"] = {"emodb": tuple(f"s{number:02d}" for number in range(6))}
    options = {"speakers": speakers, "clips": clips}
    items = [one(tmp_path, "a", first, **options), one(tmp_path, "b", second, **options)]
    (row,) = compared(items, [("a", "b")]).to_dict("records")
    assert (row["speakers"], row["choosing_speakers"]) == (6, 6)
    assert row["finding"] == "b is better"


def test_what_choosing_by_the_test_clips_would_add(tmp_path, better):
    items = [one(tmp_path, "a", better[0], seed) for seed in (0, 1)]
    assert paired.selection_bias(items).empty  # as runs are that did not watch
    for item, best in zip(items, (0.6, 0.8), strict=True):
        item.runs[0].metrics["accuracy"] = 0.5
        item.runs[0].facts["epochs_run"] = 3
        columns = {"epoch": [1, 2, 3], "val_loss": [3, 1, 2], "test_accuracy": [best, 0.4, 0.3]}
        write_history(item.runs[0].folder, columns)
    (row,) = paired.selection_bias([*items, one(tmp_path, "a", better[0], 2)]).to_dict("records")
    assert row == {
        **{"experiment": "a", "protocol": "speaker_independent", "tested": 0.5, "best_on_test": pytest.approx(0.7)},
        **{"best_on_validation": 0.4, "last_epoch": 0.3, "added": pytest.approx(0.2), "watched": 2, "trainings": 3},
    }


def test_a_model_that_was_fitted_again_has_no_validation(tmp_path, better):
    again = one(tmp_path, "a", better[0], fitted_on=["train", "validation"], epochs_run=2)
    columns = {"fit": [1, 1, 2, 2], "epoch": [1, 2, 1, 2], "val_loss": [1, 2, None, None]}
    write_history(again.runs[0].folder, columns | {"test_accuracy": [None, None, 0.6, 0.5]})
    (row,) = paired.selection_bias([again]).to_dict("records")
    assert np.isnan(row["best_on_validation"])
    assert (row["best_on_test"], row["last_epoch"]) == (0.6, 0.5)


def test_a_model_that_does_not_validate(tmp_path, better):
    item = one(tmp_path, "a", better[0], fitted_on=["train", "validation"], epochs_run=2)
    write_history(item.runs[0].folder, {"epoch": [1, 2], "test_accuracy": [0.6, 0.5]})
    (row,) = paired.selection_bias([item]).to_dict("records")
    assert np.isnan(row["best_on_validation"])
    assert (row["best_on_test"], row["last_epoch"]) == (0.6, 0.5)


def test_nothing_to_compare(tmp_path, better):
    with pytest.raises(UserError, match="every run diverged"):
        paired.tested([one(tmp_path, "a", better[0], diverged_at=1)])
    assert compared([one(tmp_path, "b", better[0])], []).empty


def test_few_speakers_are_said_to_be_few(tmp_path, better):
    few = np.where(np.arange(80) < 40, "a", "b")
    items = [one(tmp_path, name, right, speakers=few) for name, right in zip("ab", better, strict=True)]
    (row,) = compared(items, [("a", "b")]).to_dict("records")
    assert row["finding"] == "too few speakers to tell (2)"
    assert pd.isna(paired.scores(items, paired.tested(items)).loc[0, "low"])


def test_unknown_speakers_are_not_one_speaker(tmp_path, better):
    some = np.array(["", *"abcdefgh"])[np.arange(80) % 9]
    items = [one(tmp_path, name, right, speakers=some) for name, right in zip("ab", better, strict=True)]
    (row,) = compared(items, [("a", "b")]).to_dict("records")
    assert (row["finding"], row["speakers"]) == ("speakers unknown", 0)
    assert pd.isna(paired.scores(items, paired.tested(items)).loc[0, "low"])
