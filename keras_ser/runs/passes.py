"""Whole passes: one repetition of a protocol over all its folds, as one result.

A protocol with folds trains once per fold, and its folds together test every clip exactly once. Scores are those of the
pooled predictions: a UAR over the 54 clips of one fold, in which a class may be missing, is no estimate.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from keras_ser import reports
from keras_ser.runs.store import Run
from keras_ser.training import evaluation


@dataclass(frozen=True)
class Pass:
    """One repetition. ``runs``: one per fold. ``facts``: what they have in common, with sums over the folds.

    ``metrics``: of the pooled predictions ({} if a fold diverged); those on train and validation are means over the
    folds, and only there where every fold has them.
    """

    runs: tuple[Run, ...]
    facts: dict
    metrics: dict

    @property
    def diverged(self):
        return self.facts["diverged_at"] is not None

    def histories(self):
        """→ list of DataFrame, one per fold, one row per epoch."""
        return [run.history() for run in self.runs]

    def predictions(self):
        """→ DataFrame, one row per test example."""
        return pd.concat([run.predictions() for run in self.runs], ignore_index=True)


def whole(runs):
    """The passes of which every fold is there. → list of Pass, in the order of their first runs"""
    groups = {}
    for run in runs:
        key = tuple(run.facts[name] for name in ("report", "setup", "experiment", "protocol", "seed"))
        groups.setdefault(key, {})[run.facts["fold"]] = run
    found = [list(folds.values()) for folds in groups.values()]
    return [_pool(runs) for runs in found if len(runs) == runs[0].facts["n_folds"]]


def of_table(table, runs):
    """The passes that a report's table was made of: the whole ones among ``runs`` whose setup stands in it. → list"""
    shown = set(table[["experiment", "protocol", "setup"]].itertuples(index=False, name=None))
    return whole([run for run in runs if tuple(run.facts[key] for key in ("experiment", "protocol", "setup")) in shown])


def _pool(runs):
    first = runs[0]
    if len(runs) == 1:
        return Pass((first,), first.facts, first.metrics)
    facts = [run.facts for run in runs]
    devices = sorted({of_run["environment"]["device"] for of_run in facts})
    pooled = {
        **first.facts,
        "fold": None,
        "examples": _sums([of_run["examples"] for of_run in facts]),
        "test_speakers": sorted({name for of_run in facts for name in of_run["test_speakers"]}),
        "shared": _sums([of_run["shared"] for of_run in facts]),
        "diverged_at": next((of_run["diverged_at"] for of_run in facts if of_run["diverged_at"] is not None), None),
        "epochs_run": float(np.mean([of_run["epochs_run"] for of_run in facts])),
        "seconds": sum(of_run["seconds"] for of_run in facts),
        "environment": {**first.facts["environment"], "device": ", ".join(devices)},
    }
    if pooled["diverged_at"] is not None:
        return Pass(tuple(runs), pooled, {})
    predictions = pd.concat([run.predictions() for run in runs], ignore_index=True)
    metrics = evaluation.score(predictions, first.facts["labels"])
    for split in ("train", "validation"):
        if all(split in run.metrics for run in runs):  # older runs have none
            metrics[split] = pd.DataFrame([run.metrics[split] for run in runs]).mean().to_dict()
    report = reports.load(first.facts["report"])
    if report.scores:
        metrics["further"] = report.scores(predictions)
    return Pass(tuple(runs), pooled, metrics)


def _sums(counts):
    return {name: sum(of_run[name] for of_run in counts) for name in counts[0]}
