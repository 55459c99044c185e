"""What is to be run: the clips, and every training that is asked for with what decides it.

In: a report, a manifest, names of experiments and protocols. Out: :class:`Material`, :class:`Setting` and
:class:`Unit`. Every split is drawn and checked here, before the first training, so that nothing is refused after hours;
and what is stored counts where it is what would be planned today.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from keras_ser import corpora
from keras_ser.corpora.corpus import SYNTHETIC_SPEECH
from keras_ser.data import features, leakage, protocols
from keras_ser.data.digests import digest, model_facts, table_digest
from keras_ser.errors import UserError
from keras_ser.reports.specification import Report
from keras_ser.runs import archive, identity, layout
from keras_ser.runs.train import assemble


@dataclass(frozen=True)
class Material:
    """The clips that a report is run on: manifest with audio hashes, and what was excluded.

    ``corpora``: names of the corpora they are of. ``substitute``: they are of other corpora than the report's.
    """

    title: str
    manifest: pd.DataFrame
    excluded: list[str]
    substitute: bool

    @property
    def corpora(self):
        return list(dict.fromkeys(self.manifest["corpus"]))

    @property
    def synthetic(self):
        return bool(self.manifest["synthetic"].any())

    @property
    def description(self):
        """Says what it is: stands beside every figure. The title of a user's own recordings says it itself."""
        made = self.synthetic and corpora.are_known(self.corpora)
        return f"bundled {SYNTHETIC_SPEECH} in place of {self.title}" if made else self.title


@dataclass(frozen=True)
class Setting:
    """What a report is run on and with, and where its results lie: handed on whole to what plans, trains or finds runs.

    ``out``: the folder of the results. ``cache``: that of the computed features. ``epochs``: in place of the report's
    number of them, or None. ``backend``: what computes the features, one of :data:`keras_ser.data.BACKENDS`.
    ``pipeline``: where they come from, one of :data:`keras_ser.data.PIPELINES`.
    """

    report: Report
    material: Material
    out: Path
    cache: Path
    epochs: int | None = None
    backend: str = "tensorflow"
    pipeline: str = "cached"

    @property
    def root(self):
        """The folder of the runs' folders (:mod:`keras_ser.runs.layout`)."""
        return self.out / "runs"

    @property
    def heading(self):
        """What the figures were made from, in a few lines."""
        lines = [self.report.title, f"{self.material.description}, {len(self.material.manifest)} clips"]
        if self.material.synthetic:
            n_epochs = f"{self.epochs} epoch{'s' * (self.epochs != 1)}"
            lines.append(f"SYNTHETIC speech, at most {n_epochs}: a smoke test; the numbers mean nothing.")
        if self.material.substitute:
            theirs = corpora.titles(self.report.corpora)
            lines.append(f"SUBSTITUTE corpus: not comparable with the report, which used {theirs}.")
        return "\n".join(lines)


@dataclass(frozen=True)
class Unit:
    """One training: an experiment under a protocol, one repetition, one fold (0 where the protocol has no folds)."""

    experiment: object
    protocol: protocols.Protocol
    repetition: int
    fold: int
    n_folds: int
    augmentation: Callable = field(repr=False)
    decided_by: dict = field(repr=False)

    @property
    def identity(self):
        return digest(self.decided_by)

    @property
    def name(self):
        """Which run, in a few words."""
        fold = f" fold {self.fold + 1} of {self.n_folds}" if self.n_folds > 1 else ""
        return f"{self.experiment.name}, {self.protocol.name}, repetition {self.repetition}{fold}"

    def folder(self, setting):
        """Where its run is or will be."""
        fold, report = self.fold if self.n_folds > 1 else None, setting.report.name
        return layout.run_folder(setting.root, report, self.experiment.name, self.protocol.name, self.repetition, fold)


def gather(report, corpus_title, manifest, index_folder=None):
    """The clips of ``manifest`` that carry one of the report's emotions. → Material.

    ``index_folder``: as of :func:`keras_ser.data.features.with_audio_hash`. Raises UserError where fewer than two
    emotions or ten clips are left.
    """
    if report.classes:
        manifest = manifest.assign(emotion=report.classes(manifest))
    of_report = manifest["corpus"].isin(report.corpora)
    chosen = manifest["emotion"].isin(report.labels)
    if report.speakers:  # a substitute has others, and folders hold what their maker wants used
        chosen &= manifest["speaker"].isin(report.speakers) | ~of_report
    needs = f"{report.name} needs at least 10 clips and 2 of {', '.join(report.labels)}"
    if report.speakers and of_report.all():
        needs += f", of the speakers {', '.join(report.speakers)}"
    if not chosen.any():
        raise UserError(f"{corpus_title}: none of its {len(manifest)} clips can be used; {needs}")
    usable, excluded = features.with_audio_hash(manifest[chosen], index_folder)
    n_emotions = usable["emotion"].nunique()
    if n_emotions < 2 or len(usable) < 10:
        raise UserError(f"{corpus_title}: {len(usable)} usable clips of {n_emotions} emotion(s); {needs}")
    return Material(corpus_title, usable, excluded, substitute=not of_report.all())


def has_clips(experiment, material):
    """Whether an experiment has clips to be run on: one of a single corpus needs that."""
    return experiment.corpus in ("", *material.corpora)


def setup(setting, experiment):
    """What decides the result of every run of an experiment in a setting, but for protocol, repetition and fold. JSON

    Of the pipeline ``cached`` nothing is said, as in runs from before there were others.
    """
    report = setting.report
    return {
        "report": report.name,
        "experiment": experiment.name,
        "labels": list(report.labels),
        "manifest": identity.manifest_facts(setting.material.manifest),
        "front_end": features.front_end_facts(experiment.front_end, setting.backend),
        "model": _facts_of_model(experiment, len(report.labels)),
        "training": identity.training_facts(experiment, setting.epochs),
        "statistics_from_all": report.statistics_from_all,
        **({"classes_by_corpus": True} if report.classes_by_corpus else {}),
        **({} if setting.pipeline == "cached" else {"way": setting.pipeline}),
    }


@functools.cache
def _facts_of_model(experiment, n_classes):
    """:func:`model_facts` of what it trains: the model is built for them, which takes longer than to plan its runs."""
    return model_facts(assemble(experiment, n_classes, experiment.front_end.output_shape()))


def plan(setting, experiments, protocol_names, repetitions):
    """Every training that is asked for, with what decides it; each split is drawn and checked. → list of Unit

    Of an SVM, which no chance enters, repetitions that give it the same examples in all their folds are one: only the
    first is planned. Raises UserError where an experiment has no clips, or a protocol cannot be had, or would leak what
    it does not declare.
    """
    report, manifest = setting.report, setting.material.manifest
    svms = [item.name for item in experiments if item.training.kind == "svm"]
    if svms and setting.pipeline != "cached":
        raise UserError(
            f"{report.name}: {', '.join(svms)} is fitted to all examples at once, of which nothing can be "
            f"{setting.pipeline}: name networks with --experiments"
        )
    for item in experiments:
        if not has_clips(item, setting.material):
            raise UserError(
                f"{item.name} needs clips of {item.corpus}, of which there are none: name other experiments"
            )
    setups = [setup(setting, item) for item in experiments]
    augmentations = {item.augmentation or report.augmentation for item in experiments}
    units = []
    for repetition in repetitions:
        examples = {augment: augment(manifest, repetition) for augment in augmentations}
        of_examples = {
            augment: identity.augmentation_facts(table, setting.backend, setting.pipeline)
            for augment, table in examples.items()
        }
        for protocol in map(protocols.get, protocol_names):
            n_folds = protocol.n_folds(manifest, report.split)
            for fold in range(n_folds):
                assigned = {}  # of augmentation and the splits that have it → examples with their split
                for item, common in zip(experiments, setups, strict=True):
                    augment = item.augmentation or report.augmentation
                    key = augment, item.training.augmented
                    if key not in assigned:
                        of_fold = report.split, repetition, fold, item.training.augmented
                        assigned[key] = protocol.assign(examples[augment], manifest, *of_fold)
                    counts = leakage.shared(assigned[key], manifest, item.training.fitted_on)
                    where = f"{report.name} {item.name}, {protocol.name}, repetition {repetition}, fold {fold}"
                    leakage.refuse(protocol, counts, where)
                    single = {
                        "augmentation": of_examples[augment],
                        "split": _split_digest(assigned[key], item.training),
                        "seed": protocols.training_seed(repetition, fold, n_folds),
                    }
                    if item.training.kind == "svm":
                        del single["seed"]
                    decided_by = {**common, "protocol": protocol.name, **single}
                    units.append(Unit(item, protocol, repetition, fold, n_folds, augment, decided_by))
    return _without_repeats(units)


def _without_repeats(units):
    """``units`` without the repetitions whose trainings are all those of an earlier one, in any order of the folds."""
    passes = {}
    for unit in units:
        key = (unit.experiment.name, unit.protocol.name, unit.repetition)
        passes.setdefault(key, set()).add(unit.identity)
    firsts = {}
    for (*_, repetition), identities in passes.items():
        firsts.setdefault(frozenset(identities), repetition)
    first_of = {key: firsts[frozenset(identities)] for key, identities in passes.items()}
    return [
        unit for unit in units if first_of[unit.experiment.name, unit.protocol.name, unit.repetition] == unit.repetition
    ]


def _split_digest(assigned, training):
    """Of who is fitted to and who is tested; for an SVM, which knows no order of examples, whatever their split."""
    if training.kind == "svm":
        names = assigned["split"].where(~assigned["split"].isin(training.fitted_on), "fitted")
        assigned = assigned.assign(split=names)
    return table_digest(assigned[["clip", "copy", "split"]])


def stored(setting, experiments=None):
    """All stored runs of ``experiments`` (None: the report's) that belong in one table.

    → (list of store.Run, those that do not belong). A run belongs if it is what would be trained today: same clips,
    code, model, training, augmentation and split.
    """
    by_name = {item.name: item for item in experiments or setting.report.experiments}
    runs = archive.read_all(setting.root, setting.report.name)
    runs = [run for run in runs if run.facts["experiment"] in by_name]
    repetitions = {}
    for run in runs:
        if run.facts["protocol"] in protocols.PROTOCOLS:
            repetitions.setdefault((run.facts["experiment"], run.facts["protocol"]), set()).add(run.facts["seed"])
    wanted = {}  # (protocol, repetitions) → experiments that are stored so
    for (name, protocol), of_name in repetitions.items():
        wanted.setdefault((protocol, tuple(sorted(of_name))), []).append(by_name[name])
    places = {}  # identity → where it is counted: a repeated fit of an SVM is stored too, and is no second result
    for (protocol, of_names), items in wanted.items():
        try:
            units = plan(setting, items, [protocol], of_names)
        except UserError:  # these clips do not allow the protocol: its runs are of others
            continue
        for unit in units:
            places.setdefault(unit.identity, set()).add(unit.folder(setting))
    same = [run for run in runs if run.folder in places.get(run.facts.get("identity"), ())]
    return same, [run for run in runs if run.facts.get("identity") not in places]
