"""Experiments that no report lists; all are marked as extensions and run only when named.

A module of a report's name holds those that answer a question of that report: ``EXPERIMENTS``. Here are those that
comparisons need of any report: another loss, or an SVM, on the same features. Such a variant is called after what it
varies: ``<experiment>@<loss>``, ``svm``.
"""

from dataclasses import replace
from itertools import combinations

from keras_ser import reports
from keras_ser.errors import UserError
from keras_ser.models.svm import svm
from keras_ser.reports.specification import Experiment, SupportVectors

LOSSES = ("categorical_crossentropy", "mean_squared_error")
SVM = "svm"


def with_loss(report, experiment, loss):
    """``experiment`` trained with ``loss``: itself, its counterpart in the report, or a variant."""
    if experiment.loss == loss:
        return experiment
    counterpart = experiment.name.replace(experiment.loss, loss)
    if counterpart != experiment.name and any(item.name == counterpart for item in report.experiments):
        return report.experiment(counterpart)
    return replace(experiment, name=f"{experiment.name}@{loss}", loss=loss, extension=True, note=f"trained with {loss}")


def with_svm(report):
    """An SVM (RBF, C = 10, every number standardised) on the features of the report's first experiment."""
    first = report.experiments[0]
    # What is compared learns from the same examples.
    network = next(item.training for item in report.experiments if item.training.kind == "network")
    fitted_on, augmented = network.fitted_on, network.augmented

    def model(n_classes):
        return svm(first.front_end.output_shape(), n_classes)

    return Experiment(
        SVM,
        first.front_end,
        model,
        "hinge",
        SupportVectors((10.0,), ("rbf",), standardize=True, fitted_on=fitted_on, augmented=augmented),
        augmentation=first.augmentation,
        extension=True,
        note=f"SVM (RBF, C = 10) on the features of {first.name}, every number standardised",
    )


def one_per_model(report):
    """The first experiment of the report for each architecture, and an SVM."""
    firsts = {}
    for item in report.listed:
        kind = SVM if item.training.kind == "svm" else item.model(len(report.labels)).name
        firsts.setdefault(kind, item)
    return [*firsts.values()] if SVM in firsts else [*firsts.values(), with_svm(report)]


def compared(report, question, names=()):
    """What a question of ``keras-ser compare`` compares. → (experiments, pairs of names that are paired)

    ``names``: of experiments; none: those that the question is about by itself. Raises UserError where there is nothing
    to compare.
    """
    chosen = [find(report, name) for name in names]
    listed = chosen or list(report.listed)
    if question == "losses":
        networks = [item for item in listed if item.loss in LOSSES]
        if not networks:
            raise UserError(f"none of {', '.join(item.name for item in listed)} is trained with a loss to exchange")
        couples = [[with_loss(report, item, loss) for loss in LOSSES] for item in networks]
        # Each loss of a pair may be listed: once is enough.
        couples = {tuple(item.name for item in pair): pair for pair in couples}
        return [item for pair in couples.values() for item in pair], [*couples]
    if question == "models":
        experiments = chosen or one_per_model(report)
        return experiments, list(combinations([item.name for item in experiments], 2))
    return listed, []


def find(report, name):
    """The experiment or variant called ``name``. Raises UserError if there is none."""
    if name == SVM and all(item.name != SVM for item in report.experiments):
        return with_svm(report)
    base, _, loss = name.partition("@")
    experiment = report.experiment(base)
    return (
        with_loss(report, experiment, loss) if loss in LOSSES else experiment if not loss else report.experiment(name)
    )


def experiment_of(facts):
    """The experiment of a stored run (its run.json)."""
    return find(reports.load(facts["report"]), facts["experiment"])


def designed_on(item):
    """The test speakers of a pass or a run whose clips chose the design of its experiment. → set"""
    return _tested_of(item, experiment_of(item.facts).selected_on)


def known_of(item):
    """The test speakers of a pass or a run whose scores were known when its experiment's design was chosen. → set"""
    return _tested_of(item, experiment_of(item.facts).scores_known)


def _tested_of(item, speakers):
    """Those of the ``speakers`` (corpus → theirs, () for all) whom a pass or a run tests. → set"""
    if item.diverged or not set(speakers) & set(item.facts["corpora"]):  # which spares reading its predictions
        return set()
    tested = item.predictions()[["corpus", "speaker"]].drop_duplicates().itertuples(index=False, name=None)
    return {
        speaker
        for corpus, speaker in tested
        if corpus in speakers and (not speakers[corpus] or speaker in speakers[corpus])
    }
