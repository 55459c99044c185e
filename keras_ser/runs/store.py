"""What a run leaves on disk, and how it is found again.

A run's folder (:mod:`keras_ser.runs.layout`) holds ``run.json`` (what decided it, and what it was made with),
``history.csv`` (one row per epoch), ``predictions.csv`` (one row per test example), ``metrics.json`` and
``model.keras``. A run that diverged has no predictions and no scores. The folder appears whole or not at all.
"""

import json
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from keras_ser import files
from keras_ser.errors import UserError

LEFTOVER_AGE = 3600  # seconds


@dataclass(frozen=True)
class Run:
    """One stored run. ``facts`` is run.json, ``metrics`` is metrics.json ({} if it diverged)."""

    folder: Path
    facts: dict
    metrics: dict

    @property
    def diverged(self):
        return self.facts["diverged_at"] is not None

    def history(self):
        """→ DataFrame, one row per epoch."""
        return pd.read_csv(self.folder / "history.csv")

    def predictions(self):
        """→ DataFrame, one row per test example."""
        # A clip may be called 0012 or NA.
        return pd.read_csv(self.folder / "predictions.csv", dtype={"clip": str, "speaker": str}, keep_default_na=False)


def read(folder):
    """The run stored in ``folder``, None if there is none. Raises UserError if its files are damaged."""
    folder = Path(folder)
    try:
        facts = json.loads((folder / "run.json").read_text())
        metrics = json.loads((folder / "metrics.json").read_text())
        if not (isinstance(facts, dict) and isinstance(metrics, dict)):
            raise ValueError("no JSON object")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: the run cannot be read ({error}); delete the folder and run again") from error
    return Run(folder, facts, metrics)


def read_all(root, report):
    """All stored runs of a report, in order of their paths. → list of Run."""
    paths = sorted((Path(root) / report).rglob("run.json"))
    # What another process is writing at this moment, or one that was killed left behind, is no run.
    runs = [read(path.parent) for path in paths if not path.parent.parent.name.startswith(files.PART)]
    return [run for run in runs if run is not None]


def write(folder, facts, history, predictions, metrics, model):
    """Store a run in place of the one that was there. ``predictions`` None: it diverged. → Run.

    Raises UserError if the disk does not take it; what was there before is then still there.
    """
    folder = Path(folder)
    with files.replaced(folder) as new:
        new.mkdir()
        (new / "run.json").write_text(json.dumps(facts, indent=1) + "\n")
        (new / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
        history.to_csv(new / "history.csv", index=False, float_format="%.6g")
        if predictions is not None:
            predictions.to_csv(new / "predictions.csv", index=False, float_format="%.6g")
            _without_optimizer(model).save(new / "model.keras")
    return Run(folder, facts, metrics)


def _without_optimizer(model):
    """A copy to store: Adam's moments would make it three times as large, and nobody trains on from here."""
    copy = model.from_config(model.get_config())  # clone_model would compile it, optimizer and all
    copy.set_weights(model.get_weights())
    return copy


def is_complete(run):
    """Whether everything is there that the run can leave (models are not part of the repository)."""
    return run.diverged or (run.folder / "model.keras").is_file()


def remove_leftovers(root):
    """Delete what interrupted writes left behind: a write takes seconds, what is an hour old is nobody's any more."""
    for part in Path(root).rglob(f"{files.PART}*"):
        with suppress(FileNotFoundError):  # its write may end at this moment
            if time.time() - part.stat().st_mtime > LEFTOVER_AGE:
                shutil.rmtree(part)
