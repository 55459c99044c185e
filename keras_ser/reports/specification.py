"""What a report is made of. Frozen dataclasses: they hold facts and check themselves, nothing else.

A report module (``keras_ser/reports``) fills one :class:`Report`; :mod:`keras_ser.runs.runner` carries it out. Nothing
here has a silent default where a report could have been silent: what it does not say stands in its notes
(:mod:`keras_ser.reports.notes`) with our choice.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from keras_ser import corpora
from keras_ser.data.protocols import Split
from keras_ser.errors import UserError
from keras_ser.reports.notes import NotStated


@dataclass(frozen=True)
class Figure:
    """A number that the report prints (of ``most_confusing_class``: a label).

    ``experiment`` "" is the data itself. ``label``: the class that it is of, "" for all. ``rounding``: half a unit of
    the last digit printed.
    """

    experiment: str
    metric: str
    value: float | str
    where: str
    note: str = ""
    rounding: float = 0.0
    label: str = ""


@dataclass(frozen=True)
class FrontEnd:
    """What turns a clip into features.

    ``graph``: () → keras.Model from ``waveform`` [batch, samples] at ``sample_rate`` (Hz; None: at the rate of its
    recording) and ``lengths`` [batch] to features; ``reference``: (waveform, its rate) → the same features of one clip
    by the libraries, or None where a recipe has no such listing. ``first_channel``: of several channels the first is
    used, not their average.

    ``graph`` None: the features are those of one ``library`` alone, of this ``shape``, whatever backend is asked for.
    """

    name: str
    sample_rate: int | None
    graph: Callable | None
    reference: Callable | None
    first_channel: bool = False
    library: str | None = None
    shape: tuple[int, ...] | None = None

    def backend(self, asked):
        """What computes the features where the backend ``asked`` is wanted."""
        return asked if self.graph else self.library

    def output_shape(self):
        """Of the features of one clip. (Where there is a graph it is built for this.)"""
        return self.graph().output_shape[1:] if self.graph else self.shape


@dataclass(frozen=True)
class Training:
    """How a network is fitted. ``callbacks``: a function, since Keras callbacks keep state.

    ``optimizer``: a name, or the configuration of one (``keras.optimizers.serialize``).
    ``chosen_on``: the splits by whose scores an epoch is chosen (by early stopping, or by a checkpoint).
    ``validates`` False: nothing is chosen by validation, and the model is fitted to it as well.
    ``refit``: once validation has been watched, the model is trained anew, from the same initial weights and for as
    many epochs, on train and validation together; that is the one that is tested.
    """

    kind = "network"

    optimizer: str | dict = field(hash=False)
    batch_size: int
    epochs: int
    callbacks: Callable[[], list]
    chosen_on: tuple[str, ...]
    refit: bool = False
    validates: bool = True

    @property
    def optimizer_name(self):
        """What the optimizer is called."""
        return self.optimizer if isinstance(self.optimizer, str) else self.optimizer["class_name"].lower()

    @property
    def fitted_on(self):
        """Names of the splits that the tested model is fitted to."""
        return ("train",) if self.validates and not self.refit else ("train", "validation")

    @property
    def augmented(self):
        """Names of the splits that have augmented versions of their clips: what is validated on has none."""
        return ("train",) if self.validates else self.fitted_on


@dataclass(frozen=True)
class SupportVectors:
    """How a support vector machine is fitted, to the splits ``fitted_on``. No chance is in it: the same examples give
    the same SVM.

    Of several values of ``C`` and ``kernels``, those are taken that do best on speakers held out in turn.
    ``augmented``: names of the splits that have augmented versions of their clips.
    """

    kind = "svm"
    chosen_on = ()

    C: tuple[float, ...]
    kernels: tuple[str, ...]
    standardize: bool
    fitted_on: tuple[str, ...]
    augmented: tuple[str, ...] = ("train",)


@dataclass(frozen=True)
class Experiment:
    """One model trained with one loss on the features of one front end.

    ``model``: n_classes → keras.Model as the report lists it; its input has as many numbers as the features of a clip,
    perhaps with other axes. ``before``: () → layers that come first, where more than a reshape leads there; those that
    have statistics (:class:`~keras_ser.layers.RunningNormalization`) are adapted before training.
    ``augmentation``: in place of the report's, where this experiment is trained on other examples.
    ``corpus``: the one of the report's whose clips alone it is trained and tested on, "" where it is none.
    ``selected_on``: corpus → the speakers whose clips chose its design, () for all: nothing is tested on them.
    ``scores_known``: corpus → the speakers whose test scores were known when its design was chosen, () for all.
    ``extension``: the report does not have it; it is run only when named.
    """

    name: str
    front_end: FrontEnd
    model: Callable
    loss: str
    training: Training | SupportVectors
    before: Callable[[], list] = list
    augmentation: Callable[[pd.DataFrame, int], pd.DataFrame] | None = None
    corpus: str = ""
    selected_on: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    scores_known: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    extension: bool = False
    note: str = ""


@dataclass(frozen=True)
class Report:
    """One report: where its speech comes from, what is done to it, what is trained, and what it claims.

    ``corpora``: names of those it uses, taken together.
    ``labels``: the classes in the order of the probability columns: emotions (common vocabulary), unless ``classes``,
    manifest → the class of each clip, says otherwise; a manifest's ``emotion`` is then that class.
    ``reserved``: those of them that no clip is of, though the model has an output for each.
    ``augmentation``: (manifest, repetition) → DataFrame ``clip, copy, transform, parameter`` with every training
    example; ``low`` and ``high``, the range of the parameter, where it may be drawn anew in each epoch.
    ``protocols``: names of those that are run unless others are asked for.
    ``statistics_from_all``: whether the report computed the statistics it normalises with before it split the clips;
    the protocol ``as_reported`` then does the same, every other takes them from what the model is fitted to.
    ``from_all``: steps of the report's own protocol that are computed from all clips before the split, in words.
    ``classes_by_corpus``: a clip can only be of the classes that its corpus has: the others count neither in its loss
    (:class:`keras_ser.training.losses.PossibleCrossentropy`) nor among the answers.
    ``confusions``: experiment → the confusion matrix that the report prints, int [labels, labels], rows true.
    ``clip_figures``: names of the figures (of :mod:`keras_ser.output.figures`) that show its clips.
    ``speakers``: those of the corpus that the report uses; none named: all.
    ``scores``: predictions → further scores in [0, 1] by name, for what accuracy of the classes does not tell.
    ``conclusion``: (table of :mod:`keras_ser.analysis.reported`, whole passes) → what they answer to the report's
    question, in parts (:mod:`keras_ser.reports.findings`).
    ``not_stated``, ``differences``: its notes (:mod:`keras_ser.reports.notes`).
    """

    name: str
    title: str
    source: str
    corpora: tuple[str, ...]
    labels: tuple[str, ...]
    augmentation: Callable[[pd.DataFrame, int], pd.DataFrame]
    split: Split
    protocols: tuple[str, ...]
    statistics_from_all: bool
    from_all: tuple[str, ...]
    experiments: tuple[Experiment, ...]
    figures: tuple[Figure, ...]
    not_stated: tuple[NotStated, ...]
    differences: tuple[str, ...]
    confusions: dict[str, np.ndarray] = field(default_factory=dict, hash=False)
    clip_figures: tuple[str, ...] = ("class_distribution", "waveforms")
    speakers: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()
    classes: Callable[[pd.DataFrame], pd.Series] | None = None
    classes_by_corpus: bool = False
    scores: Callable[[pd.DataFrame], dict[str, float]] | None = None
    conclusion: Callable[[pd.DataFrame, list], tuple[str | pd.DataFrame, ...]] | None = None

    def __post_init__(self):
        names = [experiment.name for experiment in self.experiments]
        if len(set(names)) != len(names):
            raise ValueError(f"Experiments of a report have different names. Received: {names}")
        unknown = {figure.experiment for figure in self.figures} - {"", *names}
        if unknown:
            raise ValueError(f"Every figure belongs to an experiment of the report. Received: {sorted(unknown)}")

    @property
    def listed(self):
        """The experiments that are the report's own."""
        return tuple(item for item in self.experiments if not item.extension)

    @property
    def with_clips(self):
        """The labels of the classes that have clips: as many as chance has to choose from."""
        return tuple(label for label in self.labels if label not in self.reserved)

    def experiment(self, name):
        """The experiment called ``name``. Raises UserError, listing the names, if there is none."""
        for experiment in self.experiments:
            if experiment.name == name:
                return experiment
        known = ", ".join(experiment.name for experiment in self.experiments)
        raise UserError(f"{self.name} has no experiment {name!r}: choose from {known}")

    def of_classes(self, labels):
        """The report for the classes of a user's own recordings: without what it prints, and says, of its own."""
        return replace(self, labels=tuple(labels), reserved=(), figures=(), confusions={}, conclusion=None)

    def of_runs(self, facts):
        """The report as runs with these ``facts`` have it: of a user's own recordings, :meth:`of_classes`."""
        return self if corpora.are_known(facts["corpora"]) else self.of_classes(facts["labels"])
