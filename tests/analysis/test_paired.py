"""Runs side by side: by hand on a few clips, and what is said of many."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from keras_ser import reports
from keras_ser.analysis import paired
from keras_ser.errors import UserError
from keras_ser.runs.store import Run

LABELS = ("anger", "fear")
MANIFEST = pd.DataFrame([{"clip": f"{speaker}{i}", "speaker": speaker} for speaker in "abcdefgh" for i in range(10)])


def run(folder, experiment, right, seed=0, protocol="clip_disjoint", optimizer="adam", epochs_run=7):
    """A stored run that gets the clips right where ``right`` [clips], always with probability 0.8."""
    true = np.where(np.arange(len(MANIFEST)) % 2, "fear", "anger")
    predicted = np.where(right, true, np.where(true == "fear", "anger", "fear"))
    predictions = pd.DataFrame({"clip": MANIFEST["clip"], "copy": 0, "true": true, "predicted": predicted})
    for label in LABELS:
        predictions[f"p_{label}"] = np.where(predicted == label, 0.8, 0.2)
    place = folder / experiment.replace("/", "_") / protocol / str(seed)
    place.mkdir(parents=True)
    predictions.to_csv(place / "predictions.csv", index=False)
    pd.DataFrame({"epoch": [1], "val_loss": [1.0]}).to_csv(place / "history.csv", index=False)
    facts = {
        **{"experiment": experiment, "protocol": protocol, "seed": seed, "optimizer": optimizer, "ours": False},
        **{"epochs_run": epochs_run, "diverged_at": None},
        "shared": {"test": 80, "clip": 0, "content": 0, "speaker": 80, "sentence": 40},
    }
    return Run(place, facts, {"accuracy": float(np.mean(right)), "uar": float(np.mean(right))})


@pytest.fixture
def better(rng):
    """Two sets of right answers: the second is right where the first is, and in three more clips of each speaker."""
    first = rng.random(80) < 0.4
    second = first.copy()
    for speaker in range(8):
        wrong = np.flatnonzero(~first[speaker * 10 : speaker * 10 + 10])[:3] + speaker * 10
        second[wrong] = True
    return first, second


def test_every_clip_of_every_run(tmp_path, better):
    clips = paired.tested([run(tmp_path, "a", better[0]), run(tmp_path, "b", better[1], seed=1)], MANIFEST)
    assert len(clips) == 160
    assert clips.loc[0, ["experiment", "seed", "clip", "speaker", "confidence"]].tolist() == ["a", 0, "a0", "a", 0.8]
    np.testing.assert_array_equal(clips["correct"], np.concatenate(better))
    np.testing.assert_allclose(clips["brier"], np.where(clips["correct"], 2 * 0.2**2, 2 * 0.8**2))


def test_scores(tmp_path, better):
    first, second = better
    runs = [
        run(tmp_path, "a", first),
        run(tmp_path, "a", second, seed=1),
        run(tmp_path, "svm", first, optimizer="libsvm", epochs_run=0),
        run(tmp_path, "a", second, protocol="as_reported"),
    ]
    frame = paired.scores(runs, paired.tested(runs, MANIFEST))
    assert list(zip(frame["protocol"], frame["experiment"], frame["seeds"], strict=True)) == [
        ("as_reported", "a", 1),
        ("clip_disjoint", "a", 2),
        ("clip_disjoint", "svm", 1),
    ]
    row = frame.loc[1]
    mean = (first.mean() + second.mean()) / 2
    assert row["accuracy"] == pytest.approx(mean)
    assert row["accuracy_std"] == pytest.approx(abs(first.mean() - second.mean()) / 2**0.5)
    assert row["low"] < mean < row["high"]
    assert row["calibration_error"] == pytest.approx(abs(0.8 - mean))
    assert row["epochs"] == 7
    assert pd.isna(frame.loc[2, "calibration_error"])
    people = paired.scores_for_people(frame)
    assert people["calibration error"].tolist()[2] == "–"
    assert "nan" not in people.to_string().lower()


def test_differences_on_the_same_clips(tmp_path, better):
    first, second = better
    runs = [
        run(tmp_path, "a", first),
        run(tmp_path, "b", second),
        run(tmp_path, "c", first),
        run(tmp_path, "d", first, 5),
    ]
    clips = paired.tested(runs, MANIFEST)
    frame = paired.differences(clips, [("a", "b"), ("a", "c"), ("a", "d")])
    assert list(frame["second"]) == ["b", "c"]  # d has no seed in common with a
    assert frame["difference"].tolist() == [pytest.approx(first.mean() - second.mean()), 0]
    # All eight speakers point one way: 2 of 2^8 sign flips.
    assert frame["p"].tolist() == [pytest.approx(2 / 2**8), 1]
    assert frame["p_corrected"].tolist() == [pytest.approx(4 / 2**8), 1]
    assert frame["said"].tolist() == ["b is better", "no difference shown"]
    recall = paired.by_class(clips, [("a", "b")], LABELS)
    fear = np.arange(80) % 2 == 1
    assert recall.loc[0, "fear"] == pytest.approx(first[fear].mean() - second[fear].mean())


def test_what_choosing_by_the_test_clips_would_add(tmp_path, better):
    runs = [run(tmp_path, "a", better[0], seed) for seed in (0, 1)]
    assert paired.optimism(runs).empty  # as runs are that did not watch
    for item, best in zip(runs, (0.6, 0.8), strict=True):
        item.metrics["accuracy"] = 0.5
        history = pd.DataFrame({"epoch": [1, 2, 3], "val_loss": [3, 1, 2], "test_accuracy": [best, 0.4, 0.3]})
        history.to_csv(item.folder / "history.csv", index=False)
    (row,) = paired.optimism(runs).to_dict("records")
    assert row == {
        **{"experiment": "a", "protocol": "clip_disjoint", "tested": 0.5, "best_on_test": pytest.approx(0.7)},
        **{"best_on_validation": 0.4, "last_epoch": 0.3, "added": pytest.approx(0.2), "seeds": 2},
    }


def test_a_model_that_was_fitted_again_has_no_validation(tmp_path, better):
    again = run(tmp_path, "a", better[0])
    again.facts["refit"] = True
    history = pd.DataFrame({"epoch": [1, 2], "val_loss": [1, 2], "test_accuracy": [0.6, 0.5]})
    history.to_csv(again.folder / "history.csv", index=False)
    (row,) = paired.optimism([again]).to_dict("records")
    assert np.isnan(row["best_on_validation"])
    assert row["best_on_test"] == 0.6


def test_nothing_to_compare(tmp_path, better):
    lost = run(tmp_path, "a", better[0])
    lost.facts["diverged_at"] = 1
    with pytest.raises(UserError, match="every run diverged"):
        paired.tested([lost], MANIFEST)


def test_few_speakers_are_said_to_be_few(tmp_path, better):
    few = MANIFEST.assign(speaker=MANIFEST["speaker"].map(lambda name: "ab"[name > "d"]))
    runs = [run(tmp_path, "a", better[0]), run(tmp_path, "b", better[1])]
    clips = paired.tested(runs, few)
    frame, changes = paired.scores(runs, clips), paired.differences(clips, [("a", "b")])
    assert changes["said"].tolist() == ["too few speakers to tell (2)"]
    text = paired.markdown("Which?", reports.load("tess_mfcc"), "80 clips", runs, frame, changes, pd.DataFrame())
    assert "too few speakers to tell (2)" in text
    assert "nan" not in text.lower()


def test_what_was_found_is_said_in_words(tmp_path, better):
    runs = [run(tmp_path, name, right) for name, right in zip("ab", better, strict=True)]
    runs += [run(tmp_path, name, better[0], protocol="speaker_independent") for name in "ab"]
    clips = paired.tested(runs, MANIFEST)
    frame, changes = paired.scores(runs, clips), paired.differences(clips, [("a", "b")])
    low, high = (f"{np.mean(right):.3f}" for right in better)
    chosen = pd.DataFrame([{"experiment": "a", "protocol": "clip_disjoint", "added": 0.02}])
    assert paired.in_words(frame, changes, chosen) == [
        f"`a`: {low} with no copy of a test clip in train, {low} on new speakers.",
        f"`b`: {high} with no copy of a test clip in train, {low} on new speakers.",
        f"`a` against `b`: b is better under clip_disjoint ({np.mean(better[0]) - np.mean(better[1]):+.3f}); no "
        "difference shown under speaker_independent (+0.000).",
        "Choosing the epoch by the test clips would have added 0.020 to an accuracy on average, at most 0.020 (`a`, "
        "clip_disjoint).",
    ]
    assert paired.in_words(frame.head(1), changes.head(0), pd.DataFrame()) == []


def test_intervals_over_seeds_are_students(tmp_path, better):
    runs = [run(tmp_path, "a", right, seed=seed) for seed, right in enumerate(better)]
    (row,) = paired.scores(runs, paired.tested(runs, MANIFEST)).to_dict("records")
    accuracies = [np.mean(right) for right in better]
    half = stats.t.ppf(0.975, 1) * np.std(accuracies, ddof=1) / np.sqrt(2)
    assert row["seeds_high"] - np.mean(accuracies) == pytest.approx(half)
    assert np.mean(accuracies) - row["seeds_low"] == pytest.approx(half)
