"""Carry out a report: corpus → examples → features → protocol → model → stored run.

What several runs need is computed once: the corpus is read once, the features once per repetition. Every split is drawn
and checked before the first training, so that nothing is refused after hours.
"""

import contextlib
import functools
import operator
import platform
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import chain, groupby

import joblib
import keras
import numpy as np
import pandas as pd
import tensorflow as tf

import keras_ser
from keras_ser import files
from keras_ser.data import features, leakage, protocols, streaming
from keras_ser.data.digests import digest, model_facts, table_digest
from keras_ser.errors import UserError, one_line
from keras_ser.progress import bar, log
from keras_ser.runs import archive, identity, layout, processes, store
from keras_ser.training import evaluation, losses, networks, svm
from keras_ser.training.seeds import seeded

ADAPT_BATCH = 256  # examples that a normalisation sees at a time
LIBRARIES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn", "librosa", "noisereduce", "soxr", "opensmile")


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
        """Says what it is and how many clips: stands beside every figure."""
        return f"bundled synthetic speech in place of {self.title}" if self.synthetic else self.title


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

    def folder(self, root, report):
        fold = self.fold if self.n_folds > 1 else None
        return layout.run_folder(root, report.name, self.experiment.name, self.protocol.name, self.repetition, fold)


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


def setup(report, experiment, material, *, backend, epochs, pipeline="cached"):
    """What decides the result of every run of an experiment on these clips, but for protocol, repetition and fold. JSON

    ``epochs``: in place of the report's number of them, or None. ``pipeline``: one of :data:`streaming.PIPELINES`; of
    cached features nothing is said, as in runs from before there were others.
    """
    return {
        "report": report.name,
        "experiment": experiment.name,
        "labels": list(report.labels),
        "manifest": identity.manifest_facts(material.manifest),
        "front_end": features.front_end_facts(experiment.front_end, backend),
        "model": _facts_of_model(experiment, len(report.labels)),
        "training": identity.training_facts(experiment, epochs),
        "statistics_from_all": report.statistics_from_all,
        **({} if pipeline == "cached" else {"way": pipeline}),
    }


@functools.cache
def _facts_of_model(experiment, n_classes):
    """:func:`model_facts` of what it trains: the model is built for them, which takes longer than to plan its runs."""
    return model_facts(assemble(experiment, n_classes, experiment.front_end.output_shape()))


def plan(report, material, experiments, protocol_names, repetitions, *, backend, epochs, pipeline="cached"):
    """Every training that is asked for, with what decides it; each split is drawn and checked. → list of Unit

    Of an SVM, which no chance enters, repetitions that give it the same examples in all their folds are one: only the
    first is planned. Raises UserError where a protocol cannot be had, or would leak what it does not declare.
    """
    svms = [item.name for item in experiments if item.training.kind == "svm"]
    if svms and pipeline != "cached":
        raise UserError(
            f"{report.name}: {', '.join(svms)} is fitted to all examples at once, of which nothing can be {pipeline}: "
            "name networks with --experiments"
        )
    setups = [setup(report, item, material, backend=backend, epochs=epochs, pipeline=pipeline) for item in experiments]
    augmentations = {item.augmentation or report.augmentation for item in experiments}
    units = []
    for repetition in repetitions:
        examples = {augment: augment(material.manifest, repetition) for augment in augmentations}
        of_examples = {
            augment: identity.augmentation_facts(table, backend, pipeline) for augment, table in examples.items()
        }
        for protocol in map(protocols.get, protocol_names):
            n_folds = protocol.n_folds(material.manifest, report.split)
            for fold in range(n_folds):
                assigned = {
                    augment: protocol.assign(table, material.manifest, report.split, repetition, fold)
                    for augment, table in examples.items()
                }
                for item, common in zip(experiments, setups, strict=True):
                    augment = item.augmentation or report.augmentation
                    counts = leakage.shared(assigned[augment], material.manifest, item.training.fitted_on)
                    where = f"{report.name} {item.name}, {protocol.name}, repetition {repetition}, fold {fold}"
                    leakage.refuse(protocol, counts, where)
                    single = {
                        "augmentation": of_examples[augment],
                        "split": _split_digest(assigned[augment], item.training),
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


def environment():
    """What a run was made with. Recorded, never compared. JSON"""
    return {
        "keras_ser": keras_ser.__version__,
        "python": platform.python_version(),
        **dict(_versions()),
        "device": device(),
    }


def _versions():
    for name in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):  # librosa and noisereduce need not be there
            yield name, version(name)


def device():
    """What the computation runs on, in words."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return ", ".join(tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus)
    return f"CPU ({platform.machine()})"


def assemble(experiment, n_classes, feature_shape):
    """The experiment's model, with what brings features [batch, *feature_shape] to its input. → keras.Sequential"""
    model = experiment.model(n_classes)
    reshape = keras.layers.Reshape(model.input_shape[1:])
    return keras.Sequential([keras.Input(feature_shape), *experiment.before(), reshape, model], name=model.name)


def adapt(model, values):
    """Give the layers that come before the report's model their statistics of ``values`` [examples, …]."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            streamed = isinstance(values, streaming.Stream)
            layer.adapt(
                values.computed() if streamed else tf.data.Dataset.from_tensor_slices(values).batch(ADAPT_BATCH)
            )


def train(report, unit, material, examples, values, *, models, epochs, root):
    """Train and test one unit, and store it. → store.Run.

    ``examples`` and their features ``values`` [examples, …] are those of the unit's repetition; ``models``
    (:class:`~keras_ser.training.networks.Models`) are shared with the other units.
    """
    experiment, training = unit.experiment, unit.experiment.training
    assigned = unit.protocol.assign(examples, material.manifest, report.split, unit.repetition, unit.fold)
    clips = material.manifest.set_index("clip")
    assigned = assigned.assign(
        **{column: assigned["clip"].map(clips[column]) for column in ("corpus", "speaker", "emotion")}
    )
    classes = assigned["emotion"].map({label: place for place, label in enumerate(report.labels)}).to_numpy()
    rows = {name: np.flatnonzero(assigned["split"] == name) for name in protocols.SPLITS}
    possible = _possible(assigned, report.labels, material.manifest) if report.classes_by_corpus else None
    targets = losses.targets(classes, len(report.labels), possible)
    splits = {name: (values[assigned.index[of_split]], targets[of_split]) for name, of_split in rows.items()}
    fitted = np.concatenate([rows[name] for name in training.fitted_on])
    from_all = unit.protocol.name == "as_reported" and report.statistics_from_all

    seed = protocols.training_seed(unit.repetition, unit.fold, unit.n_folds)
    if training.kind == "svm":
        model, fit = svm.fit(
            values[assigned.index[fitted]],
            classes[fitted],
            assigned["speaker"].to_numpy()[fitted],
            len(report.labels),
            training=training,
            impossible=() if possible is None else np.flatnonzero(~possible.any(axis=0)),
        )
    else:
        with seeded(seed):
            model = models.initialised(
                setup_digest(unit.decided_by),
                lambda: assemble(experiment, len(report.labels), values.shape[1:]),
                training=training,
                loss=experiment.loss,
            )
        adapt(model, values if from_all else values[assigned.index[fitted]])
        fit = networks.fit(
            model,
            splits["train"],
            splits["validation"],
            test=splits["test"],
            training=training,
            seed=seed,
            epochs=epochs,
        )

    def answered(places):
        """What the model is asked of the examples at these places: features, classes, possible classes."""
        return values[assigned.index[places]], classes[places], None if possible is None else possible[places]

    predictions, scores = None, {}
    if fit.diverged_at is None:
        predictions = evaluation.predict(
            model, *answered(rows["test"]), examples=assigned.iloc[rows["test"]], labels=report.labels
        )
        scores = {
            **evaluation.score(predictions, report.labels),
            "train": evaluation.score_of(model, *answered(fitted)),
        }
        if "validation" not in training.fitted_on:
            scores["validation"] = evaluation.score_of(model, *answered(rows["validation"]))
        if report.scores:
            scores["further"] = report.scores(predictions)
    facts = {
        "identity": unit.identity,
        "setup": setup_digest(unit.decided_by),
        "decided_by": unit.decided_by,
        "report": report.name,
        "experiment": experiment.name,
        "extension": experiment.extension,
        "protocol": unit.protocol.name,
        "seed": unit.repetition,
        "fold": unit.fold if unit.n_folds > 1 else None,
        "n_folds": unit.n_folds,
        "corpus": material.description,
        "corpora": material.corpora,
        "substitute": material.substitute,
        "synthetic": material.synthetic,
        "clips": len(material.manifest),
        "clips_by_corpus": material.manifest["corpus"].value_counts().to_dict(),
        "labels": list(report.labels),
        "common_labels": _of_all(report.labels, None if possible is None else possible[fitted]),
        "sample_rate": experiment.front_end.sample_rate,
        "features": unit.decided_by["front_end"]["backend"],
        "kind": training.kind,
        "loss": experiment.loss,
        "optimizer": training.optimizer_name if training.kind == "network" else "libsvm",
        "batch_size": training.batch_size if training.kind == "network" else None,
        "epochs": (epochs or training.epochs) if training.kind == "network" else 0,
        "fitted_on": list(training.fitted_on),
        "chosen_on": list(training.chosen_on),
        "selected_on": {name: list(speakers) for name, speakers in experiment.selected_on.items()},
        "from_all": list(report.from_all) if unit.protocol.name == "as_reported" else [],
        "parameters": model.count_params(),
        "examples": {name: len(of_split) for name, of_split in rows.items()},
        "test_speakers": sorted(set(assigned["speaker"].iloc[rows["test"]])),
        "shared": leakage.shared(assigned[["clip", "split"]], material.manifest, training.fitted_on),
        "diverged_at": fit.diverged_at,
        "epochs_run": fit.epochs_run,
        "seconds": round(fit.seconds, 1),
        "environment": environment(),
    }
    return store.write(unit.folder(root, report), facts, fit.history, predictions, scores, model)


def _possible(assigned, labels, manifest):
    """Which classes each example can be of: those that a clip of its corpus has, of a corpus that is not in train those
    of them that train has. → bool [examples, labels]
    """
    of_corpus = {
        corpus: np.isin(labels, list(set(emotions))) for corpus, emotions in manifest.groupby("corpus")["emotion"]
    }
    train = assigned[assigned["split"] == "train"]
    for corpus in set(of_corpus) - set(train["corpus"]):
        of_corpus[corpus] &= np.isin(labels, list(set(train["emotion"])))
    return np.stack([of_corpus[corpus] for corpus in assigned["corpus"]])


def _of_all(labels, possible):
    """The classes that each of the examples with these ``possible`` classes can be of. → list"""
    return [label for place, label in enumerate(labels) if possible is None or possible[:, place].all()]


def setup_digest(decided_by):
    """Digest of what all runs of one experiment on the same clips have in common."""
    single = ("protocol", "augmentation", "split", "seed")
    return digest({name: value for name, value in decided_by.items() if name not in single})


def is_done(run, unit, models):
    """Whether a stored run is this unit's and, where ``models`` are needed, complete."""
    return run is not None and run.facts.get("identity") == unit.identity and (not models or store.is_complete(run))


def run_all(
    report,
    material,
    *,
    root,
    cache_root,
    experiments,
    protocol_names,
    repetitions,
    backend,
    epochs,
    pipeline="cached",
    models=True,
    jobs=1,
    scheduler=None,
):
    """Train what is not stored yet, repetition by repetition. → list of store.Run, all that were asked for.

    ``pipeline``: where the features come from, one of :data:`keras_ser.data.streaming.PIPELINES`.
    ``models`` False: a stored run without its model, as the repository holds them, need not be run again. ``jobs``:
    how many are trained at a time, each by a process of its own if there are several; None: one per core, or one where
    there is a GPU. ``scheduler``: address of a Dask cluster that trains them instead (:mod:`keras_ser.runs.cluster`).
    A run is the same to the bit for any number of processes, as long as TensorFlow has as many threads in each
    (``TF_NUM_INTRAOP_THREADS``) and the same kind of device.

    Raises UserError where a protocol cannot be had or would leak, the disk does not take a run, a process died, or as
    :func:`keras_ser.runs.processes.results`.
    """
    files.recover(root, below=True)
    units = plan(
        report, material, experiments, protocol_names, repetitions, backend=backend, epochs=epochs, pipeline=pipeline
    )
    # An archive holds no models.
    archived = {} if models else {run.folder: run for run in archive.read(root.parent / report.name, root, report.name)}
    names = {unit.folder(root, report): unit.name for unit in units}
    runs = {folder: store.read(folder) or archived.get(folder) for folder in names}
    missing = [unit for unit in units if not is_done(runs[unit.folder(root, report)], unit, models)]
    done, grid = len(units) - len(missing), uuid.uuid4().hex
    with bar(total=len(units), initial=done, desc=report.name, unit="run") as progress:
        for together in _together(missing, jobs, scheduler):
            unfinished = functools.partial(_unfinished, report, list(chain(*together)), root, models)
            options = {"root": root, "cache_root": cache_root, "backend": backend, "pipeline": pipeline}
            work = chain.from_iterable(_work(report, material, of, **options) for of in together)
            carry_out = _carry_out_elsewhere if scheduler else functools.partial(_carry_out, root=root)
            calls = (joblib.delayed(carry_out)(grid, report, *item, epochs=epochs) for item in work)
            for run in processes.results(calls, jobs, unfinished, scheduler):
                if scheduler:
                    run = store.unpacked(run, root)
                done += 1
                log.info("%s: %d of %d: %s: %s", report.name, done, len(units), names[run.folder], _result(run))
                progress.update()
                runs[run.folder] = run
    return list(runs.values())


def _together(units, jobs, scheduler):
    """The units by repetition, several of which are trained at a time where one would leave processes idle; but no more
    than that: their features are held until then, and the last repetition's are asked for while
    :func:`processes.results` hears of what goes wrong. → iterator of lists of lists of Unit
    """
    by_repetition = [list(of_repetition) for _, of_repetition in groupby(units, operator.attrgetter("repetition"))]
    if scheduler:  # nobody knows how many workers there will be
        yield from [by_repetition] if units else []
        return
    jobs = jobs or processes.default_jobs()
    enough, together = processes.AHEAD * jobs if jobs > 1 else 1, []
    for of_repetition in by_repetition:
        together.append(of_repetition)
        if sum(map(len, together)) >= enough:
            yield together
            together = []
    if together:
        yield together


def _unfinished(report, units, root, models):
    """Names of the units that are not stored."""
    return [unit.name for unit in units if not is_done(store.read(unit.folder(root, report)), unit, models)]


def _work(report, material, units, *, root, cache_root, backend, pipeline):
    """The units of one repetition with what each is trained on. → iterator of (unit, material, examples, features)

    Examples and features that several units share are computed once, and those of all units before the first is given:
    only an earlier repetition may be trained meanwhile. What is streamed is computed where it is trained on.
    """
    examples, values = {}, {}  # of augmentation → examples; of augmentation and a front end's name → features
    for unit in units:
        augment, front_end = unit.augmentation, unit.experiment.front_end
        if augment not in examples:
            examples[augment] = augment(material.manifest, unit.repetition)
        if (augment, front_end.name) in values:
            continue
        if pipeline == "cached":
            doing = f"{report.name}: computing the features {front_end.name}"
            with files.temporary(root), _within_memory(doing):
                values[augment, front_end.name] = features.compute(
                    examples[augment], material.manifest, front_end, cache_root=cache_root, backend=backend
                )
        else:
            values[augment, front_end.name] = streaming.stream(
                examples[augment], material.manifest, front_end, seed=unit.repetition, fresh=pipeline == "fresh"
            )
    for unit in units:
        front_end = unit.experiment.front_end
        yield unit, material, examples[unit.augmentation], values[unit.augmentation, front_end.name]


@functools.lru_cache(maxsize=1)
def _models(grid):
    """The compiled models of this process for one call of :func:`run_all`."""
    return networks.Models()


def _carry_out(grid, report, unit, material, examples, values, *, epochs, root):
    """:func:`train`, in whatever process."""
    tf.config.experimental.enable_op_determinism()
    writing = files.writing(unit.folder(root, report))
    within_memory = _within_memory(f"{report.name}: training {unit.name}")
    with files.temporary(root), writing, within_memory, streaming.explained(values):
        return train(report, unit, material, examples, values, models=_models(grid), epochs=epochs, root=root)


def _carry_out_elsewhere(grid, report, unit, material, *trained_on, epochs):
    """:func:`_carry_out` on another machine, which keeps nothing. → the run by :func:`keras_ser.runs.store.packed`

    Raises UserError if the code there is another: the run would not be what its identity says.
    """
    backend = unit.decided_by["front_end"]["backend"]
    pipeline = unit.decided_by.get("way", "cached")
    own_setup = setup(report, unit.experiment, material, backend=backend, epochs=epochs, pipeline=pipeline)
    if digest(own_setup) != setup_digest(unit.decided_by):
        raise UserError(f"the worker {platform.node()} has another version of keras_ser: install the same there")
    with tempfile.TemporaryDirectory() as root:
        return store.packed(_carry_out(grid, report, unit, material, *trained_on, epochs=epochs, root=root), root)


@contextlib.contextmanager
def _within_memory(what):
    """Where memory does not suffice for the block, a UserError says for what."""
    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise UserError(
            f"{what}: memory was short ({one_line(error)[:100]}): what was finished is kept; call again, with fewer "
            "--jobs or on a machine with more memory"
        ) from error


def _result(run):
    """What came of a run that has just been trained, in a few words."""
    if run.diverged:
        return f"diverged in epoch {run.facts['diverged_at']}"
    return f"accuracy {run.metrics['accuracy']:.3f} ({run.facts['seconds']:.0f} s)"


def stored(report, material, *, root, backend, epochs, pipeline="cached", experiments=None):
    """All stored runs of ``experiments`` (None: the report's) that belong in one table.

    → (list of store.Run, those that do not belong). A run belongs if it is what would be trained today: same clips,
    code, model, training, augmentation and split.
    """
    by_name = {item.name: item for item in experiments or report.experiments}
    runs = [run for run in archive.read_all(root, report.name) if run.facts["experiment"] in by_name]
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
            units = plan(
                report, material, items, [protocol], of_names, backend=backend, epochs=epochs, pipeline=pipeline
            )
        except UserError:  # these clips do not allow the protocol: its runs are of others
            continue
        for unit in units:
            places.setdefault(unit.identity, set()).add(unit.folder(root, report))
    same = [run for run in runs if run.folder in places.get(run.facts.get("identity"), ())]
    return same, [run for run in runs if run.facts.get("identity") not in places]
