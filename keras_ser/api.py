"""The public API, which ``import keras_ser`` promises and the commands call.

``load`` answers recordings by a model; ``run`` trains and tests one experiment, ``reproduce`` a whole report,
``compare`` sets its models side by side; ``load_corpus`` and ``split`` give clips and splits for models of your own;
``report`` is what a report states; ``export`` writes a trained model for TensorFlow alone. Functions are silent but for
warnings of the logger ``keras_ser`` (see :mod:`keras_ser.progress`), and raise
:class:`~keras_ser.errors.UserError`, one line, for what the caller can put right.
"""

import contextlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import pandas as pd

from keras_ser import corpora
from keras_ser.analysis import QUESTIONS
from keras_ser.corpora import own
from keras_ser.data import features, leakage, protocols
from keras_ser.data.augmentation import originals
from keras_ser.data.streaming import PIPELINES
from keras_ser.errors import UserError
from keras_ser.progress import log
from keras_ser.reports import extensions
from keras_ser.reports import load as report
from keras_ser.reports.specification import Experiment, Report
from keras_ser.runs import SYNTHETIC_EPOCHS, SYNTHETIC_FOLDS, archive, passes, planning, runner, store
from keras_ser.runs.passes import Pass
from keras_ser.runs.planning import Material
from keras_ser.serving import export as serving
from keras_ser.serving.chain import chain, open_run, stored_clips
from keras_ser.serving.predict import SHIPPED, Predictor, load

if TYPE_CHECKING:
    from keras_ser.serving.evaluate import Evaluation

__all__ = [
    "Comparison",
    "Predictor",
    "Reproduction",
    "Result",
    "calibrate",
    "compare",
    "evaluate",
    "export",
    "load",
    "load_corpus",
    "report",
    "reproduce",
    "run",
    "split",
]

OF_A_CLIP = ("clip", "corpus", "speaker", "emotion", "sentence", "audio_hash")  # what protocols ask about it


@dataclass(frozen=True)
class Setting:
    """What a report is run on, and where its results lie.

    ``out``: the folder of the results; those of synthetic speech, of a substitute corpus or of streamed features never
    lie where those of the report's own recordings do. ``epochs``: in place of the report's number, or None.
    ``pipeline``: where the features come from, one of :data:`keras_ser.data.streaming.PIPELINES`.
    """

    report: Report
    material: Material
    out: Path
    cache: Path
    epochs: int | None
    backend: str
    pipeline: str

    def run(self, experiments, protocol_names, repetitions, *, models=True, jobs=1, scheduler=None) -> list[store.Run]:
        """Train what is not stored yet (``models``: with its model), ``jobs`` at a time, or on the cluster of
        ``scheduler``.
        """
        return runner.run_all(
            self.report,
            self.material,
            root=self.out / "runs",
            cache_root=self.cache,
            experiments=experiments,
            protocol_names=protocol_names,
            repetitions=repetitions,
            backend=self.backend,
            epochs=self.epochs,
            pipeline=self.pipeline,
            models=models,
            jobs=jobs,
            scheduler=scheduler,
        )

    def stored(self, experiments=None) -> list[store.Run]:
        """The stored runs that would be the same if they were trained today; of others a warning tells the number."""
        same, others = planning.stored(
            self.report,
            self.material,
            root=self.out / "runs",
            backend=self.backend,
            epochs=self.epochs,
            pipeline=self.pipeline,
            experiments=experiments,
        )
        if others:
            log.warning(
                "%s: %d stored runs excluded: they were made otherwise than they would be today (other clips, code, "
                "model, training or splits)",
                self.report.name,
                len(others),
            )
        return same

    def whole(self, runs) -> list[Pass]:
        """The repetitions of which every fold is among ``runs``. Raises UserError if none is."""
        repetitions = passes.whole(runs)
        if not repetitions:
            raise UserError(
                f"{self.out / 'runs' / self.report.name}: no whole repetition of {self.material.description} is "
                "stored: leave out --stored"
            )
        incomplete = len(runs) - sum(len(item.runs) for item in repetitions)
        if incomplete:
            log.warning("%s: %d stored runs excluded: their repetition lacks folds", self.report.name, incomplete)
        return repetitions

    @property
    def heading(self) -> str:
        """What the figures were made from, in a few lines."""
        lines = [self.report.title, f"{self.material.description}, {len(self.material.manifest)} clips"]
        if self.material.synthetic:
            n_epochs = f"{self.epochs} epoch{'s' * (self.epochs != 1)}"
            lines.append(f"SYNTHETIC speech, at most {n_epochs}: a smoke test; the numbers mean nothing.")
        if self.material.substitute:
            theirs = corpora.titles(self.report.corpora)
            lines.append(f"SUBSTITUTE corpus: not comparable with the report, which used {theirs}.")
        return "\n".join(lines)


def setting(
    name,
    *,
    data=None,
    corpus=None,
    labels=None,
    speaker_from=None,
    epochs=None,
    backend="tensorflow",
    features="cached",
    out="artifacts",
) -> Setting:
    """The clips that the report called ``name`` is run on. Arguments as of :func:`run`."""
    _whole_number("epochs", epochs, 1)
    if features not in PIPELINES:
        raise UserError(f"features are {', '.join(PIPELINES)}, not {features!r}")
    if features != "cached" and backend != "tensorflow":
        raise UserError(f"{features} features are computed by TensorFlow, while training: leave out --backend")
    chosen, root, out = report(name), corpora.data_root(data), Path(out)
    cache, results = out / "cache", out
    if corpus and own.is_own(corpus):
        title, place, manifest = own.read(corpus, labels=labels, speaker_from=speaker_from, data_root=root)
        chosen, results = _for_classes_of(chosen, manifest), out / "own" / place
    elif labels or speaker_from:
        raise UserError(
            "--labels and --speaker-from are of recordings of your own: name their table or directory with --corpus"
        )
    elif corpus and chosen.corpora != (corpus,):
        title, manifest = corpora.get(corpus).title, corpora.manifest(corpus, root)
        results = out / "substitute" / corpus
    else:
        title, manifest = corpora.available(chosen.corpora, root, cache / "synthetic")
    if results != out:
        title = f"{title} in place of {corpora.titles(chosen.corpora)}"
    if features != "cached":
        results = results / features
    material = planning.gather(chosen, title, manifest, cache)
    _warn_of_excluded(material.excluded)
    if material.synthetic:
        chosen = replace(chosen, split=replace(chosen.split, n_folds=SYNTHETIC_FOLDS))
        results, epochs = results / "synthetic", epochs or SYNTHETIC_EPOCHS
    return Setting(chosen, material, results, cache / "features", epochs, backend, features)


def _whole_number(name, value, least):
    """Raises UserError if the argument ``name`` is given and is no whole number of at least ``least``."""
    if value is not None and not (isinstance(value, Integral) and value >= least):
        raise UserError(f"{name} must be a whole number of at least {least}, not {value!r}")


def _listed(names: str | Sequence[str] | None) -> Sequence[str]:
    """The names that are asked for, of which one may stand alone; none: whatever there is."""
    return [names] if isinstance(names, str) else list(names or ())


def _for_classes_of(whose: Report, manifest: pd.DataFrame) -> Report:
    """The report for the classes of a user's own recordings, in its own order where it has them."""
    if whose.classes:
        manifest = manifest.assign(emotion=whose.classes(manifest))
        if (unknown := int((manifest["emotion"] == "").sum())) > 0:
            raise UserError(
                f"{whose.name} predicts gender and emotion: {unknown} of {len(manifest)} clips have no gender"
            )
    emotions = set(manifest["emotion"])
    labels = (*(label for label in whose.labels if label in emotions), *sorted(emotions - set(whose.labels)))
    return whose.of_classes(labels)


def _warn_of_excluded(lines: Sequence[str], most: int = 20) -> None:
    for line in lines[:most]:
        log.warning("excluded: %s", line)
    if len(lines) > most:
        log.warning("excluded: %d more files like these", len(lines) - most)


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
    _whole_number("seed", seed, 0)
    chosen = setting(
        report,
        data=data,
        corpus=corpus,
        labels=labels,
        speaker_from=speaker_from,
        epochs=epochs,
        backend=backend,
        features=features,
        out=out,
    )
    with _randomness_of_the_caller():
        runs = chosen.run([extensions.find(chosen.report, experiment)], [protocol], [seed])
    (whole,) = passes.whole(runs)
    return Result(whole.facts, whole)


@contextlib.contextmanager
def _randomness_of_the_caller() -> Iterator[None]:
    """Python's and NumPy's random numbers go on after the block as if it had not been."""
    of_python, of_numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)


@dataclass(frozen=True)
class Reproduction:
    """A report's table (columns: :data:`keras_ser.analysis.reported.COLUMNS`), the repetitions that it was made from,
    and what was written: its files, the folder of the figures, that of the runs, that of the TensorBoard logs.
    """

    setting: Setting
    table: pd.DataFrame
    whole: list[Pass]
    files: list[Path]
    figures: list[Path]
    logs: Path


def reproduce(
    report: str,
    *,
    experiments: str | Sequence[str] | None = None,
    protocols: str | Sequence[str] | None = None,
    seeds: int = 1,
    stored: bool = False,
    jobs: int | None = 1,
    scheduler: str | None = None,
    data: str | Path | None = None,
    corpus: str | Path | None = None,
    labels: Mapping[str, str] | None = None,
    speaker_from: str | None = None,
    epochs: int | None = None,
    backend: str = "tensorflow",
    features: str = "cached",
    out: str | Path = "artifacts",
) -> Reproduction:
    """Run a report and write its table and figures.

    Args:
        experiments: names, or one; None: those that the report lists. Extensions are run when they are named.
        protocols: names, or one; None: those of the report.
        seeds: repetitions of each protocol, seeds 0 … ``seeds`` - 1.
        stored: train nothing; the table is that of the stored runs.
        jobs: how many runs are trained at a time, each by a process of its own if there are several; None: one per
            core, or one where there is a GPU.
        scheduler: address of a Dask cluster that trains the runs in place of processes of this machine.
        report, data, corpus, labels, speaker_from, epochs, backend, features, out: as of :func:`run`.

    Raises:
        UserError: as :func:`run`; no whole repetition is stored; the disk does not take the results.
    """
    from keras_ser.analysis import reported
    from keras_ser.output import markdown, tables, tensorboard
    from keras_ser.output.figures import selection

    _whole_number("seeds", seeds, 1)
    experiments, protocols = _listed(experiments), _listed(protocols)
    whose, names = _asked(report, protocols, experiments)
    chosen = setting(
        report,
        data=data,
        corpus=corpus,
        labels=labels,
        speaker_from=speaker_from,
        epochs=epochs,
        backend=backend,
        features=features,
        out=out,
    )
    listed = [chosen.report.experiment(item.name) for item in whose]
    if not protocols and chosen.material.substitute:  # others than the report's may not know their speakers
        names = _without_impossible(names, chosen)
    if not stored:
        with _randomness_of_the_caller():
            chosen.run(listed, names, range(seeds), jobs=jobs, scheduler=scheduler)
    runs = chosen.stored()
    whole = chosen.whole(runs)
    table = reported.table(chosen.report, whole)
    folder = chosen.out / chosen.report.name
    tables.write(table, markdown.report_table(chosen.report, table, whole), folder)
    archive.write(archive.read_all(chosen.out / "runs", chosen.report.name), folder)
    drawn_by = _processes_that_trained(stored, jobs, scheduler)
    figures = selection.of_report(chosen.report, chosen.material, whole, table, folder / "figures", drawn_by)
    logs = tensorboard.write(_in_folders(runs), chosen.out / "tensorboard", drawn_by)
    return Reproduction(chosen, table, whole, [folder / "table.csv", folder / "table.md"], figures, logs)


def _processes_that_trained(stored, jobs, scheduler):
    """How many there are on this machine for what else is to be done: new ones would take longer than they save."""
    return 1 if stored or scheduler else jobs


def _in_folders(runs):
    """Those that were trained here: what an archive alone holds has its logs where it was trained."""
    return [item for item in runs if item.folder.is_dir()]


def _asked(name, protocol_names, experiments) -> tuple[list[Experiment], list[str]]:
    """Experiments and names of protocols that are asked for. Raises UserError before anything is read."""
    of_report = report(name)
    for protocol in protocol_names:
        protocols.get(protocol)
    if experiments:
        chosen = [of_report.experiment(item) for item in experiments]
    else:
        chosen = [item for item in of_report.experiments if not item.extension]
    return chosen, protocol_names or list(of_report.protocols)


@dataclass(frozen=True)
class Comparison:
    """Scores per experiment and protocol, differences of pairs (:mod:`keras_ser.analysis.paired`), and what was
    written.
    """

    setting: Setting
    table: pd.DataFrame
    differences: pd.DataFrame
    files: list[Path]


def compare(
    question: str,
    report: str,
    *,
    experiments: str | Sequence[str] = (),
    protocols: str | Sequence[str] | None = None,
    seeds: int = 1,
    stored: bool = False,
    jobs: int | None = 1,
    scheduler: str | None = None,
    data: str | Path | None = None,
    corpus: str | Path | None = None,
    labels: Mapping[str, str] | None = None,
    speaker_from: str | None = None,
    epochs: int | None = None,
    backend: str = "tensorflow",
    out: str | Path = "artifacts",
) -> Comparison:
    """Answer one question by stored runs; those that are missing are run first.

    Args:
        question: ``losses``, ``models`` or ``protocols``.
        experiments: names, or one; none: those that the question is about by itself.
        protocols: names, or one; None: all that the corpus allows.
        seeds, stored, jobs, scheduler: as of :func:`reproduce`.
        report, data, corpus, labels, speaker_from, epochs, backend, out: as of :func:`run`.

    Raises:
        UserError: as :func:`reproduce`.
    """
    from keras_ser.analysis import paired
    from keras_ser.output import markdown, tables, tensorboard
    from keras_ser.output.figures import selection

    if question not in QUESTIONS:
        raise UserError(f"there is no question {question!r}: choose from {', '.join(QUESTIONS)}")
    _whole_number("seeds", seeds, 1)
    experiments, protocols = _listed(experiments), _listed(protocols)
    _asked(report, protocols, [])
    chosen = setting(
        report,
        data=data,
        corpus=corpus,
        labels=labels,
        speaker_from=speaker_from,
        epochs=epochs,
        backend=backend,
        out=out,
    )
    listed, pairs = extensions.compared(chosen.report, question, experiments)
    names = protocols or _possible(chosen)
    if stored:
        runs = [item for item in chosen.stored(listed) if item.facts["protocol"] in names]
    else:
        with _randomness_of_the_caller():
            runs = chosen.run(listed, names, range(seeds), models=False, jobs=jobs, scheduler=scheduler)
    tensorboard.write(_in_folders(runs), chosen.out / "tensorboard", _processes_that_trained(stored, jobs, scheduler))
    whole = chosen.whole(runs)
    clips = paired.tested(whole)
    table, changes = paired.scores(whole, clips), paired.differences(clips, pairs, whole)
    classes = paired.by_class(clips, pairs, chosen.report.labels)
    folder = chosen.out / "compare" / question / chosen.report.name
    description = f"{chosen.material.description}, {len(chosen.material.manifest)} clips"
    asked = QUESTIONS[question][0]
    text = markdown.comparison(asked, chosen.report, description, whole, table, changes, classes)
    tables.write(table, text, folder)
    archive.write(
        archive.read_all(chosen.out / "runs", chosen.report.name),
        chosen.out / chosen.report.name,
    )
    written = [folder / "table.csv", folder / "table.md"]
    written += selection.of_comparison(chosen.report, description, whole, table, changes, clips, folder)
    return Comparison(chosen, table, changes, written)


def _possible(chosen):
    return protocols.possible(chosen.material.manifest, chosen.report.split)


def _without_impossible(names, chosen):
    """Of these protocols those that the clips allow, with a warning; all where they allow none, to hear why."""
    possible = _possible(chosen)
    impossible = [name for name in names if name not in possible]
    if impossible and len(impossible) < len(names):
        log.warning("%s: %s not possible on these clips", chosen.report.name, ", ".join(impossible))
        return [name for name in names if name in possible]
    return names


def load_corpus(
    name: str | Path,
    data: str | Path | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    speaker_from: str | None = None,
    out: str | Path = "artifacts",
) -> pd.DataFrame:
    """The clips of a corpus that can be used, one row per clip: ``clip, path, speaker, gender, emotion, sentence, …``
    (:data:`keras_ser.corpora.corpus.COLUMNS`), ``audio_hash`` (hash of the samples), ``rate`` (Hz) and ``samples``.

    Args:
        name: of a corpus (``keras_ser.corpora.CORPORA``), or a table or directory as :func:`run` takes them.
        data: directory containing the corpora; None: ``$KERAS_SER_DATA``, else ``data``.
        labels, speaker_from, out: as of :func:`run`; below ``out`` is the index of recordings.

    Raises:
        UserError: no such corpus, table or directory, or no clip of it can be used.
    """
    manifest = recordings_of(name, data, labels=labels, speaker_from=speaker_from)
    usable, excluded = features.with_audio_hash(manifest, Path(out) / "cache")
    _warn_of_excluded(excluded)
    return usable


def split(
    clips: pd.DataFrame,
    protocol: str = "speaker_independent",
    *,
    fold: int = 0,
    seed: int = 0,
    validation: float = 0.15,
    test: float = 0.15,
    n_folds: int = 5,
) -> pd.DataFrame:
    """``clips`` (of :func:`load_corpus`) with a column ``split``: train, validation or test. Clips that share with the
    test clips what the protocol does not allow are left out.

    Args:
        protocol: ``clip_disjoint``, ``sentence_independent``, ``speaker_independent``, ….
        fold: of a protocol that deals speakers or sentences into folds; all folds together test every clip once.
        seed: which repetition: another deal.
        validation, test: shares of the clips, where the protocol draws clips.
        n_folds: into how many folds speakers or sentences are dealt, at most.

    Raises:
        UserError: no such protocol or fold, the clips do not allow it, or they are not as :func:`load_corpus` gives
            them.
    """
    lacking = [name for name in OF_A_CLIP if name not in getattr(clips, "columns", ())]
    if lacking or not len(clips):
        problem = f"without {', '.join(lacking)}" if lacking else "of no clips"
        raise UserError(f"a table {problem}: split takes clips as load_corpus gives them")
    if min(validation, test) <= 0 or validation + test >= 1:
        raise UserError(f"validation {validation:g} and test {test:g} must be above 0, and leave clips to train on")
    _whole_number("seed", seed, 0)
    _whole_number("n_folds", n_folds, 2)
    chosen, shares = protocols.get(protocol), protocols.Split(validation, test, random_state=42, n_folds=n_folds)
    count = chosen.n_folds(clips, shares)
    if not 0 <= fold < count:
        raise UserError(f"{protocol}: there is no fold {fold}, these clips give {count} (from 0)")
    assigned = chosen.assign(originals(clips), clips, shares, seed, fold)
    return clips.merge(assigned[["clip", "split"]].set_index("clip"), on="clip", suffixes=("_of_corpus", ""))


def export(
    run: str | Path | None,
    out: str | Path,
    data: str | Path | None = None,
    *,
    adapt: str | Path | Sequence[str | Path] | None = None,
    corpus: str | Path | None = None,
    labels: Mapping[str, str] | None = None,
    speaker_from: str | None = None,
) -> dict[str, float | None]:
    """Write the model of a stored run to the directory ``out``: raw audio in, probabilities out, TensorFlow alone
    (:mod:`keras_ser.serving.export`).

    Args:
        run: folder of a run, such as one of :attr:`Result.folders`; None: the model of the package.
        adapt: recordings, ten or more, for whose speakers, rooms and microphones the model is to be
            (:meth:`keras_ser.serving.predict.Predictor.adapted`), as a list of paths or a folder.
        data: directory containing the corpora, with whose test clips the model is compared; None:
            ``$KERAS_SER_DATA``, else ``data``, where they are there.
        corpus, labels, speaker_from: as of :func:`run`, of a run on recordings of your own.

    Returns: what was compared → the greatest difference of a probability; None: no test clip was there to compare.

    Raises:
        UserError: no such run; there is something at ``out``; the self-test fails; ``data`` or ``corpus`` has no test
            clip; the model cannot be adapted, or not to so few recordings.
    """
    serving.check_is_free(out)
    run = SHIPPED if run is None else run
    opened, root = open_run(run), corpora.data_root(data)
    if adapt is not None:  # the run stored what the model answers by other statistics
        return serving.export(opened, out, statistics=load(run).statistics(adapt))
    recordings = None
    if corpus:
        _, _, recordings = own.read(corpus, labels=labels, speaker_from=speaker_from, data_root=root)
    stored = stored_clips(opened, root, recordings)
    if stored.empty and (data or corpus):
        raise UserError(
            f"{corpus or root}: no recording of a test clip of this run; without --data and --corpus the model is "
            "exported and not compared with what the run stored"
        )
    differences = serving.export(opened, out, stored)
    return differences | ({"test clips as the run stored them": None} if stored.empty else {})


def calibrate(run: str | Path, out: str | Path) -> dict[str, float]:
    """Write a copy of a stored run whose probabilities are calibrated on unseen speakers, among the classes that
    all its corpora share (:mod:`keras_ser.serving.calibrate`).

    Args:
        run: folder of a run; beside it a whole repetition on unseen speakers must be stored.
        out: directory of the copy.

    Returns: ``temperature``, the number of ``clips`` that it was fitted to, expected calibration ``error_before`` and
    ``error_after``.

    Raises:
        UserError: no such run; nothing is stored for unseen speakers; there is something at ``out``.
    """
    from keras_ser.serving import calibrate as serving_calibrate

    return serving_calibrate.calibrate(run, out).facts["calibration"]


def evaluate(
    corpus: str | Path,
    model: str | Path | None = None,
    *,
    data: str | Path | None = None,
    labels: Mapping[str, str] | None = None,
    speaker_from: str | None = None,
    adapt: bool = False,
    all_classes: bool = False,
) -> "Evaluation":
    """Test a model on labelled recordings.

    Args:
        corpus: name of a corpus, or a table or directory of recordings of your own, as of :func:`run`.
        model: as of :func:`load`; None: the model of the package.
        data, labels, speaker_from: as of :func:`run`.
        adapt: the model standardises its features by these recordings, of which it is not told the emotions
            (:meth:`Predictor.adapted`).
        all_classes: the model may answer classes too that none of the recordings is of.

    Returns: ``predictions``, ``scores`` (with intervals over speakers, by corpus and gender), ``classes``,
    ``confusion``.

    Raises:
        UserError: no such model or recordings, or they have fewer than two emotions in common.
    """
    from keras_ser.serving import evaluate as serving_evaluate

    manifest = recordings_of(corpus, data, labels=labels, speaker_from=speaker_from)
    predictor = load(model or SHIPPED)
    if adapt:
        predictor = predictor.adapted(list(manifest["path"]))
    return serving_evaluate.evaluate(predictor, manifest, all_classes=all_classes)


def recordings_of(corpus, data=None, *, labels=None, speaker_from=None) -> pd.DataFrame:
    """The manifest of a corpus, or of recordings of a user's own. Arguments as of :func:`evaluate`."""
    root = corpora.data_root(data)
    if own.is_own(corpus):
        return own.read(corpus, labels=labels, speaker_from=speaker_from, data_root=root)[2]
    return corpora.manifest(str(corpus), root)


def augment(
    report: str,
    out: str | Path,
    *,
    seed: int = 0,
    data: str | Path | None = None,
    corpus: str | Path | None = None,
    labels: Mapping[str, str] | None = None,
    speaker_from: str | None = None,
) -> tuple[Material, int]:
    """Write the augmented audio of a report as WAV and its splits as CSV. → the clips, and how many files

    Args:
        out: directory of the files.
        seed: of the augmentation and the split.
        report, data, corpus, labels, speaker_from: as of :func:`run`.

    Raises:
        UserError: as :func:`run`; the disk does not take the files.
    """
    from keras_ser.data import augmented_audio

    chosen = setting(report, data=data, corpus=corpus, labels=labels, speaker_from=speaker_from, out=out)
    return chosen.material, augmented_audio.write(chosen.report, chosen.material.manifest, out, seed)


def leaks(path: str | Path, protocol: str | None = None) -> tuple[pd.DataFrame, list[str], str | None]:
    """What train and test share in the run of a folder, or in a table of splits (:func:`keras_ser.data.leakage.read`).

    ``protocol``: what may be shared; None: what the run's protocol allows, of a table nothing.
    → what is shared, the properties that may not be, and the protocol that says so
    """
    if protocol:
        protocols.get(protocol)
    if Path(path).is_dir():
        stored = store.read(path)
        if stored is None:
            raise UserError(f"{path}: no run is stored there (a run is a folder …/seed-<k> with run.json)")
        shared, protocol = leakage.of_counts(stored.facts["shared"]), protocol or stored.facts["protocol"]
    else:
        shared = leakage.of_table(leakage.read(path))
    return shared, leakage.undeclared(shared, protocol), protocol
