"""Stored runs as TensorBoard logs: laid out as the runs are (:mod:`keras_ser.runs.layout`).

Of each run: loss and accuracy by epoch in ``train``, ``validation`` and ``test``, named as Keras's own callback names
them, and in the run's folder its test scores, its confusion matrix as an image and its hyperparameters. Made from what
the run left on disk, so logs of old runs can be written as well as of new ones. ``tensorboard --logdir <folder>``.
"""

import errno
import os

import joblib
import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from keras_ser import files
from keras_ser.output.figures import results
from keras_ser.runs import layout, processes
from keras_ser.training.metrics import SCORES

SPLITS = {"train": "", "validation": "val_", "test": "test_"}  # split → how its columns in history.csv begin
METRICS = ("loss", "accuracy")
HYPERPARAMETERS = (
    "report",
    "experiment",
    "protocol",
    "seed",
    "fold",
    "loss",
    "optimizer",
    "batch_size",
    "epochs",
    "corpus",
)


def write(runs, folder, jobs=1):
    """Write the logs of those runs that have none, or an older one, ``jobs`` at a time, each whole or not at all.
    → ``folder``

    Raises UserError if the disk does not take them.
    """
    places = [(run, layout.place(folder, run.facts)) for run in runs]
    calls = [joblib.delayed(_write)(run, place) for run, place in places if _is_older(place, run)]
    for _ in processes.results(calls, jobs):
        pass
    return folder


def _is_older(place, run):
    return not place.exists() or place.stat().st_mtime < run.record.stat().st_mtime


def _write(run, place):
    with files.replaced(place) as part:
        _write_events(run, part)
        # Whether all that was written is there: TensorFlow's writer tells nobody that the disk was full.
        try:
            for _ in tf.data.TFRecordDataset([str(path) for path in part.rglob("events.*")]):
                pass
        except tf.errors.DataLossError as error:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


def _write_events(run, folder):
    history = run.history()
    for split, prefix in SPLITS.items():
        columns = {metric: prefix + metric for metric in METRICS if prefix + metric in history and "epoch" in history}
        if columns:
            with tf.summary.create_file_writer(str(folder / split)).as_default():
                # Of a network that is refitted, validation watches the first fit and the second is tested.
                fit = history["fit"].max() if split == "test" else 1
                for row in history[history["fit"] == fit].to_dict("records"):
                    for metric, column in columns.items():
                        tf.summary.scalar(f"epoch_{metric}", row[column], step=int(row["epoch"]))
    with tf.summary.create_file_writer(str(folder)).as_default():
        known = {name: run.facts.get(name) for name in HYPERPARAMETERS}
        hparams.hparams({name: value for name, value in known.items() if value is not None})
        if run.diverged:
            return
        for name in SCORES:
            tf.summary.scalar(f"test/{name}", run.metrics[name], step=0)
        image = results.confusion_image(np.array(run.metrics["confusion"]), run.facts["labels"])
        tf.summary.image("confusion matrix", image[None], step=0)
