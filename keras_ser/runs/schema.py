"""What a run's files hold, and whether they do: a file that was damaged is told by what it lacks.

Each function raises ValueError, which says what is wrong; :mod:`keras_ser.runs.store` and
:mod:`keras_ser.runs.archive` say in which file.
"""

import numpy as np
import pandas as pd

from keras_ser.data.digests import digest
from keras_ser.training.evaluation import COLUMNS
from keras_ser.training.metrics import SCORES

# Kinds of values: a type or several; [kind]: a list of it; {str: kind}: an object of it.
NUMBER = (int, float)
FACTS = {
    **dict.fromkeys(("identity", "setup", "report", "experiment", "protocol", "corpus"), str),
    **dict.fromkeys(("features", "kind", "loss", "optimizer"), str),
    **dict.fromkeys(("seed", "n_folds", "clips", "epochs", "parameters"), int),
    **dict.fromkeys(("extension", "substitute", "synthetic"), bool),
    **dict.fromkeys(("fold", "batch_size", "sample_rate", "diverged_at"), (int, type(None))),
    **{name: [str] for name in ("corpora", "labels", "fitted_on", "chosen_on", "from_all", "test_speakers")},
    **{name: {str: int} for name in ("clips_by_corpus", "examples", "shared")},
    "decided_by": dict,
    "selected_on": {str: [str]},
    "epochs_run": NUMBER,
    "seconds": NUMBER,
    "environment": {str: str},
}
METRICS = {
    **dict.fromkeys(SCORES, NUMBER),
    "test": int,
    "most_confusing_class": str,
    "classes": [dict],
    "confusion": [[int]],
}
CLASSES = {"label": str, "clips": int, "tp": int, "fp": int, "fn": int, "recall": (int, float, type(None))}
# Columns of words: a clip may be called 0012 or NA.
WORDS = dict.fromkeys(("experiment", "protocol", "clip", "corpus", "speaker", "transform", "true", "predicted"), str)


def check_facts(facts):
    """Whether run.json holds what it must."""
    _check(facts, FACTS)
    _check(facts["examples"], dict.fromkeys(("train", "validation", "test"), int))
    _check(facts["shared"], {"test": int})
    _check(facts["environment"], {"device": str})
    if len(set(facts["labels"])) < 2:
        raise ValueError(f"{len(set(facts['labels']))} labels")
    if facts["identity"] != digest(facts["decided_by"]):
        raise ValueError("identity is not that of decided_by")


def check_metrics(metrics, facts):
    """Whether metrics.json holds the scores of the run of these ``facts``; none if it diverged."""
    if facts["diverged_at"] is not None:
        if metrics != {}:
            raise ValueError("scores of a run that diverged")
        return
    _check(metrics, METRICS)
    for split in ("train", "validation"):  # older runs have none
        _check(metrics.get(split, {}), {})
    outside = [name for name in SCORES if not 0 <= metrics[name] <= 1]
    if outside:
        raise ValueError(f"{outside[0]} is {metrics[outside[0]]!r}")
    for row in metrics["classes"]:
        _check(row, CLASSES)
    if [row["label"] for row in metrics["classes"]] != facts["labels"]:
        raise ValueError("classes are not the labels of run.json")
    if metrics["most_confusing_class"] not in facts["labels"]:
        raise ValueError(f"most_confusing_class is {_shown(metrics['most_confusing_class'])}")
    if np.shape(metrics["confusion"]) != (len(facts["labels"]),) * 2:
        raise ValueError(f"confusion is no matrix of {len(facts['labels'])} classes")
    if not metrics["test"] == np.sum(metrics["confusion"]) == facts["examples"]["test"]:
        raise ValueError(f"{metrics['test']!r} test examples, {facts['examples']['test']} in run.json")


def check_predictions(table, facts):
    """Whether a table holds one row per test example of the run of these ``facts``."""
    labels = facts["labels"]
    numbers = ["copy", "parameter", *(f"p_{label}" for label in labels)]
    _check_columns(table, [*COLUMNS, "true", "predicted"], numbers)
    if not np.isfinite(table[numbers].to_numpy(float)).all():
        raise ValueError("numbers that are not finite")
    for name in ("true", "predicted"):
        unknown = set(table[name]) - set(labels)
        if unknown:
            raise ValueError(f"{name} label {min(unknown)!r}")
    if len(table) != facts["examples"]["test"]:
        raise ValueError(f"{len(table)} of {facts['examples']['test']} test examples")


def check_history(table, facts):
    """Whether a table holds one row per epoch of the run of these ``facts``, or per candidate of an SVM."""
    if facts["kind"] == "svm":
        _check_columns(table, ["kernel", "chosen"], ["C"])
        return
    _check_columns(table, [], ["fit", "epoch", "loss", "accuracy"])
    n_epochs = int((table["fit"] == 1).sum())
    if n_epochs != facts["epochs_run"]:
        raise ValueError(f"{n_epochs} of {facts['epochs_run']} epochs")


def _check_columns(table, names, numbers):
    missing = [name for name in [*names, *numbers] if name not in table]
    if missing:
        raise ValueError(f"no column {', '.join(missing)}")
    wrong = [name for name in numbers if not pd.api.types.is_numeric_dtype(table[name])]
    if wrong:
        raise ValueError(f"no numbers in column {', '.join(wrong)}")


def _check(values, kinds):
    if not isinstance(values, dict):
        raise ValueError(f"no JSON object but {_shown(values)}")
    missing = [name for name in kinds if name not in values]
    if missing:
        raise ValueError(f"lacks {', '.join(missing[:3])}{' and more' * (len(missing) > 3)}")
    for name, kind in kinds.items():
        if not _is(values[name], kind):
            raise ValueError(f"{name} is {_shown(values[name])}")


def _is(value, kind):
    if isinstance(kind, list):
        return isinstance(value, list) and all(_is(part, kind[0]) for part in value)
    if isinstance(kind, dict):
        return isinstance(value, dict) and all(_is(part, kind[str]) for part in value.values())
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _shown(value):
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
