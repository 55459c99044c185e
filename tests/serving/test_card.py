"""The model card of an export."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from keras_ser.runs import store
from keras_ser.serving.card import card
from keras_ser.serving.chain import describe
from keras_ser.training import evaluation


def stored_as(run, folder, right=None, **facts):
    """A copy of a run in another folder, under other facts, with the first ``right`` of its answers right."""
    shutil.copytree(run.folder, folder)
    (folder / "run.json").write_text(json.dumps({**run.facts, **facts}))
    answers = run.predictions()
    if right is not None:
        wrong = {label: run.facts["labels"][place - 1] for place, label in enumerate(run.facts["labels"])}
        answers["predicted"] = answers["true"].where(np.arange(len(answers)) < right, answers["true"].map(wrong))
    answers.to_csv(folder / "predictions.csv", index=False)
    scores = {**run.metrics, **evaluation.score(answers, run.facts["labels"])}
    (folder / "metrics.json").write_text(json.dumps(scores))
    return store.read(folder)


def scores_of(text):
    """First cell of a row of the card's scores → (repetitions, accuracy)"""
    rows = [line.split("|") for line in text.partition("## Scores")[2].partition("## ")[0].splitlines()]
    return {row[1].strip(" `"): (row[2].strip(), row[3].strip()) for row in rows if len(row) == 6}


@pytest.mark.parametrize("name", ["tess_mfcc", "four_corpora"])
def test_the_snippet_of_a_card_runs_as_it_stands(name, exported, monkeypatch, capsys):
    monkeypatch.chdir(exported[name])
    snippet = re.search(r"```python\n(.*?)```", Path("README.md").read_text(), re.S)[1]
    found = {}
    exec(snippet, found)
    assert found["answer"]["probabilities"].shape[0] == 2
    assert "b'" in capsys.readouterr().out


def test_a_card_holds_whole_repetitions_of_the_same_setup_alone(runs, tmp_path):
    first, root = runs["tess_mfcc"], tmp_path / "runs" / "tess_mfcc" / "cnn_lstm"
    n = len(first.predictions())
    run = stored_as(first, root / "clip_disjoint" / "seed-0", right=n)
    stored_as(first, root / "clip_disjoint" / "seed-1", right=0, seed=1)
    stored_as(first, root / "clip_disjoint" / "seed-2", right=n, seed=2, setup="of one epoch less")
    unseen = {"protocol": "speaker_independent", "n_folds": 2}
    for fold, right in ((0, n), (1, 0)):
        fold_run = stored_as(first, root / unseen["protocol"] / "seed-0" / f"fold-{fold}", right, fold=fold, **unseen)
    stored_as(first, root / unseen["protocol"] / "seed-1" / "fold-0", n, seed=1, fold=0, **unseen)
    found = scores_of(card(run, describe(run), ""))
    assert found == {
        "protocol": ("repetitions", "accuracy"),
        "---": ("---", "---"),
        "this model (`clip_disjoint`)": ("–", "1.000"),
        "clip_disjoint": ("2", "0.500"),
        "speaker_independent": ("1", "0.500"),  # of both folds together; the other repetition lacks one
    }
    of_fold = card(fold_run, describe(fold_run), "")
    assert scores_of(of_fold)["this model (`speaker_independent`)"] == ("–", "0.000")
    assert scores_of(of_fold)["clip_disjoint"] == ("2", "0.500")  # found from a fold's folder too
    assert "repetition\n  0, fold 1, fitted on train" in of_fold


def test_what_is_damaged_beside_a_run_is_left_out_and_said(runs, tmp_path, caplog):
    first, report = runs["tess_mfcc"], tmp_path / "runs" / "tess_mfcc"
    run = stored_as(first, report / "cnn_lstm" / "clip_disjoint" / "seed-0")
    damaged = stored_as(first, report / "cnn_lstm" / "clip_disjoint" / "seed-1", seed=1)
    damaged = damaged.folder / "metrics.json"
    damaged.write_text("{")
    stored_as(first, report / "calibrated")  # a copy under another name, as calibrate --out may write it
    assert scores_of(card(run, describe(run), ""))["clip_disjoint"][0] == "1"
    assert caplog.text.count("excluded") == caplog.text.count(f"excluded: {damaged}: cannot be read")


def test_as_reported_is_explained_where_its_scores_stand(runs):
    text = card(runs["tess_mfcc"], describe(runs["tess_mfcc"]), "")
    assert "`as_reported` repeats" not in text
    facts = describe(runs["tess_mfcc"])
    scores = {"as_reported": {"repetitions": 1, "accuracy": 0.9, "uar": 0.9}}
    assert "`as_reported` repeats the report's own split" in card(
        runs["tess_mfcc"], facts | {"by_protocol": scores}, ""
    )


def test_a_card_of_a_run_that_lies_alone_looks_no_further(runs, tmp_path):
    """A run may be copied anywhere: what lies beside it is not of its experiment."""
    run = stored_as(runs["tess_mfcc"], tmp_path / "mine" / "model")
    stored_as(runs["tess_mfcc"], tmp_path / "others" / "model", seed=1)
    assert "clip_disjoint" not in scores_of(card(run, describe(run), ""))


def test_a_card_speaks_of_a_temperature_where_there_is_one(runs):
    run, calibration = runs["tess_mfcc"], {"temperature": 1.1, "clips": 9, "error_before": 0.2, "error_after": 0.1}
    as_trained, calibrated = (describe(run, 12) | {"calibration": known} for known in (None, calibration))
    text = card(run, as_trained, "")
    assert "- Adapted to 12 recordings: " in text
    assert "The scores below\n  are those of the model as it was trained" in text
    assert "its probabilities were never calibrated.\n" in text
    assert not re.search("temperature|overconfident", text)
    text = card(run, calibrated, "")
    assert "The scores below, and the temperature,\n  are those of the model as it was trained" in text
    assert "adapted, expect it to be overconfident.\n" in text


def test_a_card_says_of_other_microphones_what_is_known(runs):
    """What they do was measured of the model of the package, and is no property of every other one."""
    text = card(runs["tess_mfcc"], describe(runs["tess_mfcc"], 0), "")
    assert "recordings made with other microphones may all get the same\n  emotion." in text
    assert "Adapted" not in text
    assert "other microphones may" not in card(runs["tess_mfcc"], describe(runs["tess_mfcc"]), "")


def test_a_card_shows_the_model_info_sheet(runs):
    text = card(runs["tess_mfcc"], describe(runs["tess_mfcc"]), "")
    sheet = text.partition("## Model info sheet")[2].partition("\n## ")[0]
    rows = {line.split("|")[1].strip(): line.split("|")[2:4] for line in sheet.splitlines() if line.startswith("| L")}
    assert [name.split()[0] for name in rows] == ["L1.1", "L1.2", "L1.3", "L1.4", "L2", "L3.1", "L3.2", "L3.3"]
    leakage, where = rows["L3.2 dependence of train and test"]
    shared = runs["tess_mfcc"].facts["shared"]
    assert leakage.strip() == "yes"
    assert f"{shared['speaker']} of {shared['test']} test examples (100 %) have the speaker in train" in where
    assert "augmented version" not in where
