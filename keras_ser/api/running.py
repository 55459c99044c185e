"""One experiment trained and tested; and what ``reproduce`` and ``compare`` need besides of stored runs."""

import contextlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from keras_ser.api.settings import Options, whole_number
from keras_ser.data import GREATEST_SEED, protocols
from keras_ser.errors import UserError
from keras_ser.progress import log
from keras_ser.reports import extensions
from keras_ser.reports.specification import Report
from keras_ser.runs import passes, planning, runner, store
from keras_ser.runs.passes import Pass
from keras_ser.serving.chain import chain, open_run


@dataclass(frozen=True)
class Result:
    """One repetition of one experiment under one protocol, all its folds together.

    ``facts``: what it was made from and with.
    """

    facts: dict
    whole: Pass

    @property
    def metrics(self) -> dict:
        """``accuracy``, ``uar``, ``weighted_f1``, ``classes`` (per class), … of the pooled predictions of all folds;
        empty if the training diverged.
        """
        return self.whole.metrics

    @property
    def history(self) -> pd.DataFrame:
        """One row per fold and epoch: ``fold, epoch, loss, accuracy, val_loss, …``"""
        histories = self.whole.histories()
        return pd.concat([table.assign(fold=fold) for fold, table in enumerate(histories)], ignore_index=True)

    @property
    def predictions(self) -> pd.DataFrame:
        """One row per test example: ``clip, speaker, true, predicted, p_<label>, …``"""
        return self.whole.predictions()

    @property
    def folders(self) -> list[Path]:
        """Where the trainings are stored, one per fold: what :func:`load` and :func:`export` take."""
        return [item.folder for item in self.whole.runs]

    @property
    def model(self) -> keras.Model:
        """The trained model, of the first fold where there are several: [waveform float32 [batch, samples] at
        ``facts["sample_rate"]`` Hz, lengths int32 [batch]] → probabilities [batch, classes].

        Raises UserError where the training diverged, or the features were not computed by TensorFlow.
        """
        return chain(open_run(self.folders[0]))


def run(
    report: str,
    experiment: str,
    *,
    protocol: str = "speaker_independent",
    seed: int = 0,
    data: str | Path | None = None,
    corpus: str | Path | None = None,
    labels: Mapping[str, str] | None = None,
    speaker_from: str | None = None,
    epochs: int | None = None,
    backend: str = "tensorflow",
    features: str = "cached",
    out: str | Path = "artifacts",
) -> Result:
    """Train and test one experiment of a report, unless that has been done before.

    Models of the caller, and random numbers of Python and NumPy, stay as they are; TensorFlow's seed is set, and its
    operations are deterministic from then on.

    Args:
        report: name of a report (``keras_ser.reports.NAMES``).
        experiment: name of one of its experiments, ``svm``, or ``<experiment>@<loss>``.
        protocol: who is trained and tested on (``keras_ser.data.protocols.PROTOCOLS``).
        seed: which repetition, from 0.
        data: directory containing the corpora; None: ``$KERAS_SER_DATA``, else ``data``. A corpus that is not there is
            replaced by bundled synthetic speech, with a warning.
        corpus: another corpus than the report's: its name; or recordings of your own, for whose classes the model is
            built: a CSV file (:mod:`keras_ser.corpora.table`), or a directory with one subdirectory per emotion.
        labels: of your own recordings: label → emotion, where a label is not known or classes are joined.
        speaker_from: of your own recordings: a regular expression whose group finds the speaker in a path.
        epochs: in place of the report's number of them.
        backend: what computes the features: ``tensorflow`` or ``librosa``.
        features: ``cached``: computed once; ``streamed``: the same, computed in each training step from recordings that
            are decoded ahead; ``fresh``: in each epoch with other parameters of the augmentation. Networks only.
        out: directory of the results.

    Raises:
        UserError: no such name, no usable clips, or a split that would leak what the protocol does not allow.
    """
    protocols.get(protocol)
    seed = whole_number("seed", seed, 0, GREATEST_SEED)
    chosen = Options(data, corpus, labels, speaker_from, epochs, backend, features, out).setting(report)
    with randomness_of_the_caller():
        runs = runner.run_all(chosen, [extensions.find(chosen.report, experiment)], [protocol], [seed])
    (whole,) = passes.whole(runs)
    return Result(whole.facts, whole)


@contextlib.contextmanager
def randomness_of_the_caller() -> Iterator[None]:
    """Python's and NumPy's random numbers go on after the block as if it had not been."""
    of_python, of_numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)


def with_clips(setting) -> Report:
    """The report with those of its experiments alone that have clips to be run on; a warning names the others that it
    lists.
    """
    report, material = setting.report, setting.material
    lacking = [item for item in report.listed if not planning.has_clips(item, material)]
    if lacking:
        names, of = ", ".join(item.name for item in lacking), ", ".join(dict.fromkeys(item.corpus for item in lacking))
        log.warning("%s: %s excluded: there are no clips of %s", report.name, names, of)
    kept = [item for item in report.experiments if planning.has_clips(item, material)]
    return replace(report, experiments=tuple(kept))


def stored(setting, experiments=None) -> list[store.Run]:
    """The stored runs that would be the same if they were trained today; of others a warning tells the number."""
    same, others = planning.stored(setting, experiments)
    if others:
        log.warning(
            "%s: %d stored runs excluded: they were made otherwise than they would be today (other clips, code, "
            "model, training or splits)",
            setting.report.name,
            len(others),
        )
    return same


def whole(setting, runs, stored) -> list[Pass]:
    """The repetitions of which every fold is among ``runs``. Raises UserError if none is. ``stored``: nothing was
    trained for them.
    """
    repetitions = passes.whole(runs)
    if not repetitions:
        advice = "train one first" if stored else "clips or code changed meanwhile; call again"
        raise UserError(
            f"{setting.root / setting.report.name}: no whole repetition of {setting.material.description} is stored: "
            f"{advice}"
        )
    incomplete = len(runs) - sum(len(item.runs) for item in repetitions)
    if incomplete:
        log.warning("%s: %d stored runs excluded: their repetition lacks folds", setting.report.name, incomplete)
    return repetitions


def processes_that_trained(stored, jobs, scheduler):
    """How many there are on this machine for what else is to be done: new ones would take longer than they save."""
    return 1 if stored or scheduler else jobs


def in_folders(runs):
    """Those that were trained here: what an archive alone holds has its logs where it was trained."""
    return [item for item in runs if item.folder.is_dir()]
