"""Whether what this package wrote is still what it wrote: an exported model, a run, or the results of a report.

In: a folder. Out: what was computed again → the greatest difference found. Raises UserError, one line, for the first
file that is damaged.
"""

import os
import re
from pathlib import Path

import numpy as np

from keras_ser import files, reports
from keras_ser.errors import UserError
from keras_ser.runs import archive, passes, store
from keras_ser.serving import exported
from keras_ser.training import evaluation
from keras_ser.training.metrics import SCORES

TOLERANCE = 1e-9  # of a score, which is counted from labels


def verify(folder):
    """→ dict: what was compared → greatest difference of a probability or score"""
    folder = Path(folder)
    if (folder / exported.EXTRA).exists() or (folder / exported.MODEL).exists():
        return exported.verify(folder)
    run = store.read(folder)
    if run is not None:
        if store.is_complete(run) and not run.diverged:
            run.model()
        return {"scores of the predictions": _difference(run, folder / store.METRICS)}
    store.check_has_no_folds(folder)
    return _of_results(folder)


def _difference(run, where):
    """Every table of a run is read. → greatest difference between its scores and those of its predictions"""
    run.history()
    if run.diverged:
        return 0.0
    scores = evaluation.score(run.predictions(), run.facts["labels"])
    difference = max(abs(scores[name] - run.metrics[name]) for name in SCORES)
    if difference > TOLERANCE or scores["confusion"] != run.metrics["confusion"]:
        raise UserError(f"{where}: the scores of {run.folder} are not those of its predictions: {store.ADVICE}")
    return difference


def _of_results(folder):
    # They need the extra `reports`, which an exported model and a run do not.
    from keras_ser.analysis import reported
    from keras_ser.output import markdown, tables

    if not any((folder / name).exists() for name in (*archive.FILES, *tables.FILES)):
        raise UserError(
            f"{folder}: no exported model, no run (a folder …/seed-<k>[/fold-<f>]) and no results of a report are there"
        )
    folder = Path(os.path.abspath(folder))  # "." has a name too
    if folder.name not in (*reports.NAMES, *reports.RECIPES):
        raise UserError(f"{folder}: no report is called {folder.name!r}: results lie in a folder of its name")
    runs = archive.read(folder, folder.parent / "runs", folder.name)
    found = [_difference(run, folder / archive.RUNS) for run in runs]
    whole = passes.of_table(tables.read(folder / tables.CSV), runs)
    if not whole:
        raise UserError(f"{folder / tables.CSV}: no run of the table is archived beside it: {tables.ADVICE}")
    differences = {f"scores of {len(runs)} archived runs": max(found)}
    report = reports.load(folder.name).of_runs(whole[0].facts)
    frame = reported.table(report, whole)
    for name, expected in tables.contents(frame, markdown.report_table(report, frame, whole)).items():
        with files.reading(folder / name, tables.ADVICE):
            if not _alike((folder / name).read_text(encoding="utf-8"), expected):
                raise ValueError("it is not what the archived runs give")
    return differences


def _alike(one, other):
    """Whether two texts are the same, but for the last digit of numbers: another device may round them otherwise."""
    parts = [re.split(r"(\d+\.\d+)", text) for text in (one, other)]
    if len(parts[0]) != len(parts[1]) or parts[0][::2] != parts[1][::2]:
        return False
    return np.allclose(*(np.array(of_text[1::2], float) for of_text in parts), rtol=0, atol=1.1e-3)
