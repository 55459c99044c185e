"""Carry out a report: corpus → examples → features → protocol → model → stored run.

What several runs need is computed once: the corpus is read once, the features once per repetition.
"""

import contextlib
import functools
import operator
import platform
import tempfile
import uuid
from dataclasses import replace
from itertools import chain, groupby
from pathlib import Path

import joblib
import tensorflow as tf

from keras_ser import files
from keras_ser.data import features, streaming
from keras_ser.data.digests import digest
from keras_ser.errors import UserError, one_line
from keras_ser.progress import bar, log
from keras_ser.runs import archive, processes, store
from keras_ser.runs.identity import setup_digest
from keras_ser.runs.planning import plan, setup
from keras_ser.runs.train import train
from keras_ser.training import networks

SHORT = 100  # batches: a network fitted to fewer takes less time than to trace its steps


def run_all(setting, experiments, protocol_names, repetitions, *, models=True, jobs=1, scheduler=None):
    """Train what is not stored yet, repetition by repetition. → list of store.Run, all that were asked for.

    ``setting``: a :class:`~keras_ser.runs.planning.Setting`. ``models`` False: a stored run without its model, as the
    repository holds them, need not be run again. ``jobs``: how many are trained at a time, each by a process of its own
    if there are several; None: one per core, or one where there is a GPU. ``scheduler``: address of a Dask cluster that
    trains them instead (:mod:`keras_ser.runs.cluster`). A run is the same to the bit for any number of processes, as
    long as TensorFlow has as many threads in each (``TF_NUM_INTRAOP_THREADS``) and the same kind of device.

    Raises UserError where a protocol cannot be had or would leak, finished runs of other epochs or features would be
    replaced, the disk does not take a run, a process died, or as :func:`keras_ser.runs.processes.results`.
    """
    root, name = setting.root, setting.report.name
    files.recover(root, below=True)
    units = plan(setting, experiments, protocol_names, repetitions)
    archived = {run.folder: run for run in archive.read(setting.out / name, root, name)}
    names = {unit.folder(setting): unit.name for unit in units}
    runs = {folder: store.read(folder) or archived.get(folder) for folder in names}
    _check_replaced(setting, [(unit, run) for unit in units if (run := runs[unit.folder(setting)])])
    missing = [unit for unit in units if not is_done(runs[unit.folder(setting)], unit, models)]
    done, grid = len(units) - len(missing), uuid.uuid4().hex
    jobs = 1 if scheduler else jobs or processes.default_jobs()
    with bar(total=len(units), initial=done, desc=name, unit="run") as progress:
        for together in _together(missing, jobs, scheduler):
            together = [_in_calls(setting, of_repetition, jobs) for of_repetition in together]
            unfinished = functools.partial(_unfinished, setting, list(chain(*together)), models)
            work = chain.from_iterable(_work(setting, of_repetition) for of_repetition in together)
            carry_out = _carry_out_elsewhere if scheduler else _carry_out
            calls = (joblib.delayed(carry_out)(grid, setting, *item) for item in work)
            for run in chain.from_iterable(processes.results(calls, jobs, unfinished, scheduler)):
                if scheduler:
                    run = store.unpacked(run, root)
                done += 1
                log.info("%s: %d of %d: %s: %s", name, done, len(units), names[run.folder], _result(run))
                progress.update()
                runs[run.folder] = run
    return list(runs.values())


def _check_replaced(setting, stored):
    """Of stored runs in whose place others would be trained. ``stored``: list of (Unit, store.Run)

    Raises UserError where they are of other epochs or another backend than are asked for: who tries something does not
    mean to lose them. Of those that clips or code make others, a warning tells the number.
    """
    name = setting.report.name
    replaced = [(unit, run) for unit, run in stored if run.facts.get("identity") != unit.identity]
    otherwise = [(run, made) for unit, run in replaced if (made := _made_otherwise(unit, run))]
    if otherwise:
        in_archive = any(isinstance(run, archive.ArchivedRun) for run, _ in otherwise)
        in_folders = any(not isinstance(run, archive.ArchivedRun) for run, _ in otherwise)
        places = [setting.root / name] * in_folders + [setting.out / name] * in_archive
        raise UserError(
            f"{' and '.join(map(str, places))}: {len(otherwise)} finished run{'s' * (len(otherwise) != 1)} "
            f"({', '.join(dict.fromkeys(made for _, made in otherwise))}) would be replaced: name another --out, or "
            "delete them first"
        )
    if replaced:
        log.warning(
            "%s: %d stored runs are replaced: they were made otherwise than they would be today (other clips, code, "
            "model, training or splits)",
            name,
            len(replaced),
        )


def _made_otherwise(unit, run):
    """What a stored run has of other epochs or another backend than are asked for: "50 epochs"; "" where nothing."""
    epochs, backend = run.facts["epochs"], run.facts["features"]
    if backend != unit.decided_by["front_end"]["backend"]:
        return f"features by {backend}"
    if epochs != unit.decided_by["training"].get("epochs", 0):
        return f"{epochs} epoch{'s' * (epochs != 1)}"
    return ""


def is_done(run, unit, models):
    """Whether a stored run is this unit's and, where ``models`` are needed, complete."""
    return run is not None and run.facts.get("identity") == unit.identity and (not models or store.is_complete(run))


def _together(units, jobs, scheduler):
    """The units by repetition, several of which are trained at a time where one would leave processes idle; but no more
    than that: their features are held until then, and the last repetition's are asked for while
    :func:`processes.results` hears of what goes wrong. → iterator of lists of lists of Unit
    """
    by_repetition = [list(of_repetition) for _, of_repetition in groupby(units, operator.attrgetter("repetition"))]
    if scheduler:  # nobody knows how many workers there will be
        yield from [by_repetition] if units else []
        return
    enough, together = processes.AHEAD * jobs if jobs > 1 else 1, []
    for of_repetition in by_repetition:
        together.append(of_repetition)
        if sum(map(len, together)) >= enough:
            yield together
            together = []
    if together:
        yield together


def _in_calls(setting, units, jobs):
    """The units of one repetition, those that one call trains in a list. → list of lists of Unit

    Each process traces the steps of a network anew, which takes longer than a short fit: short fits of one network stay
    together, as far as every process gets some.
    """
    most, calls, latest = max(1, len(units) // jobs), [], {}
    for unit in units:
        network = unit.augmentation, unit.experiment.name
        size = most if jobs > 1 and _is_short(setting, unit) else 1
        if network not in latest or len(latest[network]) == size:
            latest[network] = []
            calls.append(latest[network])
        latest[network].append(unit)
    return calls


def _is_short(setting, unit):
    """Whether the unit is the fit of a network to few batches of the clips."""
    training = unit.experiment.training
    if training.kind != "network":
        return False
    n_batches = len(setting.material.manifest) / training.batch_size
    return n_batches * (setting.epochs or training.epochs) < SHORT


def _unfinished(setting, calls, models):
    """For each of these lists of units, the name of the first that is not stored; none where all are."""

    def of_call(units):
        return (unit.name for unit in units if not is_done(store.read(unit.folder(setting)), unit, models))

    return [name for units in calls if (name := next(of_call(units), None))]


def _work(setting, calls):
    """Lists of units of one repetition with what each list is trained on. → iterator of (units, examples, features)

    Examples and features that several units share are computed once, and those of all units before the first is given:
    only an earlier repetition may be trained meanwhile. What is streamed is computed where it is trained on.
    """
    manifest, pipeline = setting.material.manifest, setting.pipeline
    examples, values = {}, {}  # of augmentation → examples; of augmentation and a front end's name → features
    for unit, *_ in calls:
        augment, front_end = unit.augmentation, unit.experiment.front_end
        if augment not in examples:
            examples[augment] = augment(manifest, unit.repetition)
        if (augment, front_end.name) in values:
            continue
        if pipeline == "cached":
            doing = f"{setting.report.name}: computing the features {front_end.name}"
            with files.temporary(setting.root), _within_memory(doing):
                values[augment, front_end.name] = features.compute(
                    examples[augment], manifest, front_end, cache_root=setting.cache, backend=setting.backend
                )
        else:
            values[augment, front_end.name] = streaming.stream(
                examples[augment], manifest, front_end, seed=unit.repetition, fresh=pipeline == "fresh"
            )
    for units in calls:
        augment, front_end = units[0].augmentation, units[0].experiment.front_end
        yield units, examples[augment], values[augment, front_end.name]


@functools.lru_cache(maxsize=1)
def _models(grid):
    """The compiled models of this process for one call of :func:`run_all`."""
    return networks.Models()


def _carry_out(grid, setting, units, examples, values):
    """:func:`train` of one unit after another, in whatever process. → list of store.Run"""
    tf.config.experimental.enable_op_determinism()
    runs = []
    for unit in units:
        writing = files.writing(unit.folder(setting))
        within_memory = _within_memory(f"{setting.report.name}: training {unit.name}")
        with files.temporary(setting.root), writing, within_memory, streaming.explained(values):
            runs.append(train(setting, unit, examples, values, _models(grid)))
    return runs


def _carry_out_elsewhere(grid, setting, units, *trained_on):
    """:func:`_carry_out` on another machine, which keeps nothing. → the runs by :func:`keras_ser.runs.store.packed`

    Raises UserError if the code there is another: a run would not be what its identity says.
    """
    if any(digest(setup(setting, unit.experiment)) != setup_digest(unit.decided_by) for unit in units):
        raise UserError(f"the worker {platform.node()} has another version of keras_ser: install the same there")
    with tempfile.TemporaryDirectory() as folder:
        there = replace(setting, out=Path(folder))
        return [store.packed(run, there.root) for run in _carry_out(grid, there, units, *trained_on)]


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
