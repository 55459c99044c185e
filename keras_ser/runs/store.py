"""What a run leaves on disk, and how it is found again.

A run's folder (:mod:`keras_ser.runs.layout`) holds ``run.json`` (what decided it, and what it was made with),
``history.csv`` (one row per epoch), ``predictions.csv`` (one row per test example), ``metrics.json`` and
``model.keras``. A run that diverged has no predictions and no scores. The folder appears whole or not at all.
"""

import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from keras_ser import files
from keras_ser.errors import UserError
from keras_ser.runs import layout, schema

RECORD, METRICS, HISTORY, PREDICTIONS, MODEL = FILES = (
    "run.json",
    "metrics.json",
    "history.csv",
    "predictions.csv",
    "model.keras",
)
ADVICE = "delete the folder and run again"


@dataclass(frozen=True)
class Run:
    """One stored run. ``facts`` is run.json, ``metrics`` is metrics.json ({} if it diverged).

    What reads a file of it raises UserError where the file is damaged or missing.
    """

    folder: Path
    facts: dict
    metrics: dict

    @property
    def diverged(self):
        return self.facts["diverged_at"] is not None

    @property
    def record(self):
        """The file that ``facts`` are read from."""
        return self.folder / RECORD

    def history(self):
        """→ DataFrame, one row per epoch."""
        path = self.folder / HISTORY
        with files.reading(path, ADVICE):
            table = pd.read_csv(files.whole_text(path))
            schema.check_history(table, self.facts)
        return table

    def predictions(self):
        """→ DataFrame, one row per test example."""
        path = self.folder / PREDICTIONS
        with files.reading(path, ADVICE):
            table = pd.read_csv(files.whole_text(path), dtype=schema.WORDS, keep_default_na=False)
            schema.check_predictions(table, self.facts)
        return table

    def model(self):
        """The trained model: features [batch, …] → probabilities [batch, classes]. → keras.Model"""
        path = self.folder / MODEL
        with files.reading(path, ADVICE):
            if not zipfile.is_zipfile(path):  # of which Keras says that it is not there
                raise ValueError("no Keras model, or cut off")
            model = keras.models.load_model(path)
            if model.output_shape != (None, len(self.facts["labels"])):
                raise ValueError(f"answers {model.output_shape} and not {len(self.facts['labels'])} classes")
            if not all(np.isfinite(weight).all() for weight in model.get_weights()):
                raise ValueError("weights that are not finite numbers")
            if model.count_params() != self.facts["parameters"]:
                raise ValueError(f"{model.count_params()} of {self.facts['parameters']} parameters")
        return model


def read(folder):
    """The run stored in ``folder``, None if there is none. Raises UserError if its files are damaged."""
    folder = Path(folder)
    files.recover(folder.parent)
    if not any((folder / name).exists() for name in FILES):
        return None
    with files.reading(folder / RECORD, ADVICE):
        facts = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        schema.check_facts(facts)
    with files.reading(folder / METRICS, ADVICE):
        metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
        schema.check_metrics(metrics, facts)
    return Run(folder, facts, metrics)


def opened(folder):
    """The run stored in ``folder``. Raises UserError if there is none, or as :func:`read`."""
    run = read(folder)
    if run is None:
        check_has_no_folds(folder)
        raise UserError(f"{folder}: no run is stored there (a run is a folder …/seed-<k>[/fold-<f>] with {RECORD})")
    return run


def check_has_no_folds(folder):
    """Raises UserError where ``folder`` is no run, and that of a repetition whose folds are runs."""
    folder = Path(folder)
    if not os.path.isdir(folder) or any((folder / name).exists() for name in FILES):
        return
    found = [path.parent for path in folder.glob(f"fold-*/{RECORD}") if path.parent.name[5:].isdigit()]
    if found:
        names = [path.name for path in sorted(found, key=lambda path: int(path.name[5:]))]
        raise UserError(f"{folder}: it has folds, each a run: {', '.join(names)}: name one, {folder / names[0]}")


def read_all(root, report):
    """All stored runs of a report, in order of their paths. → list of Run.

    Raises UserError if one is damaged, or is not the run that its folder's name says.
    """
    root = Path(root)
    files.recover(root / report, below=True)
    runs = [read(folder) for folder in sorted(_folders(root / report))]
    for run in runs:
        place = layout.place(root, run.facts)
        if run.folder != place:
            raise UserError(f"{run.folder / RECORD}: is of the run {place.relative_to(root)}: {ADVICE}")
    return runs


def _folders(root):
    """Folders below ``root`` with a file of a run. What another process is writing at this moment is none."""
    for parent, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(files.PART)]
        if not set(FILES).isdisjoint(names):
            yield Path(parent)


def write(folder, facts, history, predictions, metrics, model):
    """Store a run in place of the one that was there. ``predictions`` None: it diverged. → Run.

    Raises UserError if the disk does not take it; what was there before is then still there.
    """
    folder = Path(folder)
    with files.replaced(folder) as new:
        new.mkdir()
        (new / RECORD).write_text(json.dumps(facts, indent=1) + "\n")
        (new / METRICS).write_text(json.dumps(metrics, indent=1) + "\n")
        history.to_csv(new / HISTORY, index=False, float_format="%.6g")
        if predictions is not None:
            predictions.to_csv(new / PREDICTIONS, index=False, float_format="%.6g")
            _without_optimizer(model).save(new / MODEL)
    return Run(folder, facts, metrics)


def packed(run, root):
    """A run below ``root`` as one object, to be stored elsewhere. → its place, dict of file name → bytes"""
    return run.folder.relative_to(root), {path.name: path.read_bytes() for path in run.folder.iterdir()}


def unpacked(parcel, root):
    """Store below ``root`` what :func:`packed` gave. → Run. Raises UserError if the disk does not take it."""
    place, content = parcel
    folder = Path(root) / place
    with files.replaced(folder) as new:
        new.mkdir()
        for name, of_file in content.items():
            (new / name).write_bytes(of_file)
    return read(folder)


def _without_optimizer(model):
    """The same layers, to store: Adam's moments would make it three times as large, and nobody trains on from here."""
    return keras.Model(model.inputs[0], model.outputs[0], name=model.name)


def is_complete(run):
    """Whether everything is there that the run can leave (models are not part of the repository)."""
    return run.diverged or (run.folder / MODEL).is_file()
