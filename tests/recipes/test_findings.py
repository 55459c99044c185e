from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from keras_ser.recipes import findings

EMPTY = pd.DataFrame(columns=["n", "protocol", "experiment", "metric"])  # a table of no run


def test_the_conclusion_sets_the_network_beside_the_baseline_of_each_corpus():
    rows = [
        ("cnn", "emodb: uar", 0.8, None, 1, 0.75, 0.85, "speakers"),
        ("mlp", "emodb: uar", 0.75, None, 1, None, None, ""),
        ("svm/emodb", "uar", 0.7, None, 1, None, None, ""),
        ("svm_compare/crema_d", "uar", 0.65, None, 1, None, None, ""),
        ("cnn", "crema_d: uar", 0.6, 0.01, 2, 0.58, 0.62, "speakers"),
        ("cnn", "uar", 0.65, None, 1, None, None, ""),
    ]
    columns = ["experiment", "metric", "mean", "std", "n", "ci_low", "ci_high", "interval_over"]
    table = pd.DataFrame(rows, columns=columns).assign(protocol="speaker_independent")
    caption, found = findings.conclusion(table, [])
    assert caption.startswith("UAR, pooled over the folds")
    assert found["corpus"].to_list() == ["Emo-DB", "CREMA-D"]
    assert found.iloc[:, 2:].fillna("–").to_numpy().tolist() == [
        ["0.800 (0.750 to 0.850)", "0.750", "0.700", "–"],
        ["0.600 ± 0.010 (0.580 to 0.620)", "–", "–", "0.650"],
    ]
    assert findings.conclusion(table[~table["experiment"].isin(["cnn", "mlp"])], []) == ()


@pytest.fixture
def whole(rng):
    """A repetition of two folds, 200 clips of Emo-DB and CREMA-D each, whose answers are too sure."""
    labels = ["anger", "boredom", "fear"]
    folds = []
    for fold in range(2):
        honest = rng.dirichlet(np.ones(3), 200)
        true = np.array([rng.choice(3, p=row) for row in honest])
        corpus = np.where(np.arange(200) % 2, "emodb", "crema_d")
        true[(corpus == "crema_d") & (true == 1)] = 0  # it knows no boredom
        clips = [
            f"emodb_{'03' if n % 4 == 1 else '08'}a0{fold}Wa{n}" if n % 2 else f"crema_d_10{1 + n % 50:02}_DFA_ANG_XX"
            for n in range(200)
        ]
        sure = honest**3 / (honest**3).sum(axis=1, keepdims=True)
        columns = {f"p_{label}": values for label, values in zip(labels, sure.T, strict=True)}
        table = pd.DataFrame({"clip": clips, "corpus": corpus, "true": np.array(labels)[true], **columns})
        table["predicted"] = np.array(labels)[sure.argmax(axis=1)]
        folds.append(SimpleNamespace(predictions=lambda table=table: table))
    facts = {"experiment": "cnn", "protocol": "speaker_independent"}
    return SimpleNamespace(facts=facts, diverged=False, runs=folds)


def test_probabilities_are_judged_by_the_temperature_of_other_speakers(whole):
    caption, table = findings.conclusion(EMPTY, [whole])
    assert "Restricted to the 2 emotions that all corpora share" in caption
    corpus, clips, before, after, *answered = table.iloc[0]
    assert corpus == "all"
    predictions = pd.concat([fold.predictions() for fold in whole.runs])
    assert clips == (predictions["true"] != "boredom").sum()
    assert before > after + 0.03
    assert answered == sorted(answered)
    assert answered[-1] > answered[0] + 0.1


def test_a_corpus_whose_names_do_not_say_the_gender(whole):
    captions = findings.conclusion(EMPTY, [whole])[::2]
    assert not any("women and men" in caption for caption in captions)
