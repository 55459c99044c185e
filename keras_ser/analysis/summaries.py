"""What figures and the page show of whole passes: confusion matrices, learning curves, reliability. Numbers alone."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from keras_ser.analysis import reported
from keras_ser.data.protocols import ordered
from keras_ser.training import metrics

FEWEST = 10  # clips that a bin needs to be shown


@dataclass(frozen=True)
class Confusion:
    """``counts``: test examples of all repetitions by true and predicted class, int [labels, labels]; ``uars``: the UAR
    of each repetition, of which there are none where counts alone are known.
    """

    counts: np.ndarray
    uars: tuple[float, ...] = ()

    @property
    def repetitions(self):
        return len(self.uars)

    @property
    def shares(self):
        """Of the true class, float [labels, labels]; 0 where a class has no example."""
        return self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)

    @property
    def uar(self):
        """The mean of the repetitions, as tables have it; of counts alone the mean recall of the classes that have
        examples.
        """
        return float(np.mean(self.uars or np.diag(self.shares)[self.counts.sum(axis=1) > 0]))


def confusions(passes):
    """→ dict (experiment, protocol) → Confusion, of the passes that did not diverge"""
    return {
        key: Confusion(
            sum(np.array(item.metrics["confusion"]) for item in finished),
            tuple(item.metrics["uar"] for item in finished),
        )
        for key, group in reported.groups(passes).items()
        if (finished := [item for item in group if not item.diverged])
    }


def printed(report, passes):
    """The confusion matrices that the report prints, where those of ``passes`` can be set beside them.

    → dict experiment → Confusion
    """
    if not report.confusions or not passes or reported.obstacle(report, passes[0].facts):
        return {}
    return {name: Confusion(counts) for name, counts in report.confusions.items()}


def curves(report, passes):
    """Learning curves of one protocol. → dict experiment → list of (history, tested epoch), one per training

    ``history``: one row per epoch of the fit that validation watches. The tested epoch is None where another fit is
    tested than the one watched (``refit``).
    """
    by_experiment = {}
    for item in passes:
        name = item.facts["experiment"]
        training = report.experiment(name).training
        for history in item.histories():
            watched = history[history["fit"] == 1]
            by_experiment.setdefault(name, []).append(
                (watched, None if training.refit else tested_epoch(training, watched))
            )
    return by_experiment


def tested_epoch(training, history):
    """The epoch whose weights are tested: that which the report's callbacks go back to, else the last.

    ``training``: of :mod:`keras_ser.reports.specification`; ``history``: one row per epoch.
    """
    for callback in training.callbacks():
        if getattr(callback, "restore_best_weights", False) or getattr(callback, "save_best_only", False):
            sign = 1 if "acc" in callback.monitor else -1
            least = abs(getattr(callback, "min_delta", 0) or 0)
            best, epoch = -np.inf, None
            for row_epoch, value in zip(history["epoch"], sign * history[callback.monitor], strict=True):
                if value - least > best:
                    best, epoch = value, row_epoch
            return epoch
    return history["epoch"].iloc[-1]


def reliability(clips):
    """Accuracy by confidence, of the experiments that give probabilities. ``clips``: of
    :func:`keras_ser.analysis.paired.tested`.

    → DataFrame ``experiment, protocol, confidence, correct``: means of the bins (those of the calibration error) that
    hold enough clips, in the order of the protocols
    """
    clips = clips[clips["kind"] == "network"]
    parts = []
    for protocol in ordered(clips["protocol"]):
        for name, group in clips[clips["protocol"] == protocol].groupby("experiment", sort=False):
            bins = group.groupby(metrics.bins(group["confidence"]))
            means = bins[["confidence", "correct"]].mean()[bins.size() >= FEWEST]
            parts.append(means.assign(experiment=name, protocol=protocol))
    columns = ["experiment", "protocol", "confidence", "correct"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def split_means(frame):
    """``frame``: of :func:`keras_ser.analysis.reported.splits`. → DataFrame ``experiment, protocol, metric, split,
    mean, std``, over ``n`` repetitions
    """
    values = frame.groupby(["experiment", "protocol", "metric", "split"], sort=False)["value"]
    return values.agg(["mean", "std", "size"]).rename(columns={"size": "n"}).reset_index()
