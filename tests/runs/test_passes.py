"""Whole passes: what is pooled, and what is no pass."""

import dataclasses

import pandas as pd
import pytest

from keras_ser.runs import passes
from keras_ser.runs.store import Run

LABELS = ["anger", "fear"]
CLIPS = [[("a", "anger", "anger"), ("b", "anger", "fear"), ("c", "anger", "anger")], [("d", "fear", "fear")]]


def fold(folder, number, *, seed=0, setup="x", n_folds=2, diverged_at=None, **facts):
    place = folder / f"{setup}-{seed}-{number}"
    place.mkdir()
    table = pd.DataFrame(CLIPS[number], columns=["clip", "true", "predicted"])
    table = table.assign(speaker=f"s{number}", corpus="emodb", copy=0, transform="none", parameter=0)
    table.assign(p_anger=0.5, p_fear=0.5).to_csv(place / "predictions.csv", index=False)
    epochs = pd.DataFrame({"fit": 1, "epoch": range(1, 11 + number), "loss": 0.5, "accuracy": 0.5})
    epochs.to_csv(place / "history.csv", index=False)
    record = {
        **{
            "report": "emodb_losses",
            "experiment": "cnn",
            "protocol": "speaker_independent",
            "setup": setup,
        },
        **{
            "kind": "network",
            "seed": seed,
            "fold": number,
            "n_folds": n_folds,
            "labels": LABELS,
            "diverged_at": diverged_at,
        },
        **{"epochs_run": 10 + number, "seconds": 1.5, "test_speakers": [f"s{number}"]},
        "examples": {"train": 3 - 2 * number, "validation": 1, "test": len(table)},
        "shared": {"test": len(table), "clip": 0, "audio_hash": 0, "speaker": 0, "sentence": 1},
        "environment": {"device": f"GPU {number}"},
        **facts,
    }
    accuracy = float((table["true"] == table["predicted"]).mean())
    metrics = {"accuracy": accuracy, "train": {"accuracy": 0.8 + number / 10}, "validation": {"accuracy": 0.5}}
    return Run(place, record, {} if diverged_at else metrics)


def test_the_scores_are_those_of_the_pooled_predictions(tmp_path):
    (item,) = passes.whole([fold(tmp_path, 0), fold(tmp_path, 1)])
    assert list(item.predictions()["clip"]) == list("abcd")
    assert item.metrics["test"] == 4
    assert item.metrics["accuracy"] == 3 / 4  # the folds' mean would be (2/3 + 1) / 2
    assert item.metrics["uar"] == pytest.approx((2 / 3 + 1) / 2)
    assert item.metrics["confusion"] == [[2, 1], [0, 1]]
    assert item.metrics["train"]["accuracy"] == pytest.approx(0.85)
    assert len(item.histories()) == 2


def test_facts_of_the_folds_are_taken_together(tmp_path):
    (item,) = passes.whole([fold(tmp_path, 1), fold(tmp_path, 0)])
    assert item.facts["fold"] is None
    assert item.facts["examples"] == {"train": 4, "validation": 2, "test": 4}
    assert item.facts["shared"] == {"test": 4, "clip": 0, "audio_hash": 0, "speaker": 0, "sentence": 2}
    assert item.facts["test_speakers"] == ["s0", "s1"]
    assert item.facts["environment"]["device"] == "GPU 0, GPU 1"
    assert (item.facts["epochs_run"], item.facts["seconds"]) == (10.5, 3.0)


def test_an_incomplete_repetition_is_no_pass(tmp_path):
    runs = [fold(tmp_path, 0), fold(tmp_path, 1), fold(tmp_path, 0, seed=1)]
    assert [item.facts["seed"] for item in passes.whole(runs)] == [0]
    assert passes.whole(runs[2:]) == []


def test_folds_of_other_setups_are_not_pooled(tmp_path):
    assert passes.whole([fold(tmp_path, 0), fold(tmp_path, 1, setup="y")]) == []


def test_a_pass_of_which_a_fold_diverged_has_no_scores(tmp_path):
    (item,) = passes.whole([fold(tmp_path, 0), fold(tmp_path, 1, diverged_at=3)])
    assert item.diverged
    assert (item.facts["diverged_at"], item.metrics) == (3, {})


def test_scores_of_a_split_that_a_fold_lacks_are_none(tmp_path):
    """Of an older run beside newer ones, whichever is read first: an interrupted training leaves both."""
    runs = [fold(tmp_path, 0), fold(tmp_path, 1)]
    older = dataclasses.replace(runs[1], metrics={"accuracy": 1.0, "validation": {"accuracy": 0.5}})
    for mixed in ([runs[0], older], [older, runs[0]]):
        (item,) = passes.whole(mixed)
        assert item.metrics["accuracy"] == 3 / 4
        assert "train" not in item.metrics
        assert item.metrics["validation"] == {"accuracy": 0.5}


def test_without_folds_a_run_is_a_pass(tmp_path):
    run = fold(tmp_path, 0, n_folds=1)
    (item,) = passes.whole([run])
    assert item.metrics == run.metrics
    assert item.runs == (run,)
