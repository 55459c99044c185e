"""A stored run as one model from waveform to probabilities, and what it is.

In: a run whose model is stored. Out: a Keras model; what a program that uses it must know, as JSON; and what the run
answered for its own test clips, to compare with.
"""

import math
from dataclasses import dataclass
from importlib.metadata import version

import keras
import numpy as np

from keras_ser import corpora, files
from keras_ser.data import features
from keras_ser.data.protocols import PROTOCOLS
from keras_ser.errors import UserError
from keras_ser.layers import Decimate, FixFrames, FixSamples
from keras_ser.progress import log
from keras_ser.reports import extensions
from keras_ser.runs import archive, layout, passes, store
from keras_ser.training.metrics import SCORES

ANY_RATE = 16000  # Hz, where a model that takes recordings at their own rate is shown or tried


@dataclass(frozen=True)
class Statistics:
    """By what a model standardises its features in place of those of train: ``mean`` and ``variance`` [features] of so
    many ``recordings`` (or windows of them).
    """

    mean: np.ndarray
    variance: np.ndarray
    recordings: int


def open_run(folder):
    """The complete run stored in ``folder``. Raises UserError where it is none, or one that cannot be exported."""
    files.check_is_path(folder, "a run is named by its folder")
    run = store.opened(folder)
    if run.diverged:
        raise UserError(f"{folder}: this run diverged in epoch {run.facts['diverged_at']} and left no model")
    if not store.is_complete(run):
        raise UserError(f"{folder}: model.keras is missing (models are not part of the repository): reproduce the run")
    return run


def standardisation(network):
    """The layer by which a network standardises all its features before anything is learnt of them, None if it has
    none. ``network``: features [batch, features] → probabilities.
    """
    normalizations = [
        layer for layer in network._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)
    ]
    of_all = [layer for layer in normalizations if layer.moving_mean.shape == network.input_shape[1:]]
    return next((layer for layer in of_all if not layer.center and not layer.scale), None)


def chain(run, statistics=None):
    """The training path of a run as one model: waveform [batch, samples], lengths [batch] → probabilities.

    ``statistics``: :class:`Statistics`, of a network that has a :func:`standardisation`.

    Raises UserError if the report's front end is no longer the one that the run was trained with.
    """
    front_end = extensions.experiment_of(run.facts).front_end
    if run.facts["features"] != "tensorflow":
        advice = "reproduce the run with --backend tensorflow" if front_end.graph else "export another experiment"
        raise UserError(
            f"{run.folder}: trained on features of {run.facts['features']}, which an exported model cannot compute: "
            f"{advice}"
        )
    if features.front_end_facts(front_end, "tensorflow") != run.facts["decided_by"]["front_end"]:
        raise UserError(f"{run.folder}: trained on other features than this version computes: reproduce the run")
    graph = front_end.graph()
    network = run.model()
    if statistics:
        layer = standardisation(network)
        layer.moving_mean.assign(statistics.mean)
        layer.moving_variance.assign(statistics.variance)
    if network.input_shape != graph.output_shape:
        raise UserError(
            f"{run.folder / store.MODEL}: takes features {network.input_shape}, the report's are {graph.output_shape}: "
            f"{store.ADVICE}"
        )
    # Keras's image layers take themselves to be in training, and what follows them too, unless told otherwise.
    return keras.Model(graph.inputs, network(graph.output, training=False), name=run.facts["report"])


def adapted_to(model):
    """Of a :func:`chain` without statistics: 0 where it could be adapted to recordings, None where it cannot."""
    return None if standardisation(model.layers[-1]) is None else 0  # what comes after the front end


def describe(run, adapted_to=None):
    """What a program that uses the model must know. JSON.

    ``hears_samples``: how many samples from the start of a clip, at ``sample_rate``, the model takes in, None for all;
    ``sample_rate``: None for a model that takes recordings at their own rate; ``scores``: on the run's own test clips;
    ``by_protocol``: protocol → number of the whole ``repetitions`` of the same experiment that are stored, and their
    mean ``accuracy`` and ``uar``; ``common_labels``: those of ``labels`` that every corpus has that it was trained on;
    ``calibration``: of :func:`keras_ser.serving.calibrate.calibrate`, None of a run that is as it was trained;
    ``adapted_to``: how many recordings, 0 where it could be and is not (:func:`adapted_to`), None where it cannot be.
    """
    facts = run.facts
    front_end = extensions.experiment_of(facts).front_end
    layers = front_end.graph().layers
    divisor = math.prod(layer.factor for layer in layers if isinstance(layer, Decimate))
    cuts = [layer.n_samples for layer in layers if isinstance(layer, FixSamples)]
    cuts += [layer.n_frames * layer.hop_length * divisor for layer in layers if isinstance(layer, FixFrames)]
    names = "report experiment protocol seed fold fitted_on corpus synthetic clips labels sample_rate loss epochs_run"
    trained_on_corpora, of_train = trained_on(run), {}
    if trained_on_corpora != facts["corpora"]:
        n_clips = sum(facts["clips_by_corpus"][name] for name in trained_on_corpora)
        of_train = {"corpus": corpora.titles(trained_on_corpora), "clips": n_clips}
    return {
        **{name: facts[name] for name in [*names.split(), "parameters"]},
        **of_train,
        "first_channel": front_end.first_channel,
        "hears_samples": min(cuts, default=None),
        "scores": {name: run.metrics[name] for name in SCORES},
        "by_protocol": facts.get("by_protocol") or by_protocol(run),
        "common_labels": facts.get("common_labels", facts["labels"]),
        "calibration": facts.get("calibration"),
        "adapted_to": adapted_to,
        "environment": {**facts["environment"], "tensorflow_of_export": version("tensorflow")},
    }


def trained_on(run):
    """The corpora whose clips are not all test clips. → list of names"""
    facts = run.facts
    if PROTOCOLS[facts["protocol"]].held_out != ("corpus",):
        return facts["corpora"]
    tested = set(run.predictions()["corpus"])
    return [name for name in facts["corpora"] if name not in tested]


def siblings(run):
    """The whole repetitions of a run's setup that are stored beside it, under whatever protocol, but for those that
    diverged or are damaged. → list of :class:`~keras_ser.runs.passes.Pass`
    """
    facts = run.facts
    place = layout.place("", facts)
    folder = run.folder.resolve()
    if folder.parts[-len(place.parts) :] != place.parts:  # a copy, whose siblings are elsewhere
        return []
    runs = _of_experiment(layout.root_of(folder, facts), facts["report"], facts["experiment"])
    whole = passes.whole([item for item in runs if item.facts["setup"] == facts["setup"]])
    return [item for item in whole if not item.diverged]


def _of_experiment(root, report, experiment):
    """The stored and the archived runs of an experiment. One that is damaged says nothing against the others: it is
    left out, with a warning; what is no run of its folder's name, as a calibrated copy, is none of them.
    """
    found = {}
    try:
        archived = archive.read(root.parent / report, root, report)
        found = {archive.key(item): item for item in archived if item.facts["experiment"] == experiment}
    except UserError as error:
        log.warning("excluded: %s", error)
    folder = root / report / experiment
    files.recover(folder, below=True)
    for place in sorted([*folder.glob("*/seed-*"), *folder.glob("*/seed-*/fold-*")]):
        try:
            item = store.read(place)
        except UserError as error:
            log.warning("excluded: %s", error)
            continue
        if item is not None and layout.place(root, item.facts) == place:
            found[archive.key(item)] = item
    return [item for _, item in sorted(found.items())]


def by_protocol(run):
    """The scores of its :func:`siblings`. → dict, see :func:`describe`"""
    same, scores = siblings(run), {}
    for protocol in PROTOCOLS:
        group = [item for item in same if item.facts["protocol"] == protocol]
        if group:
            means = {name: float(np.mean([item.metrics[name] for item in group])) for name in ("accuracy", "uar")}
            scores[protocol] = {"repetitions": len(group), **means}
    return scores


def stored_clips(run, root, table=None):
    """What a run stored for its test clips (those without a transform) whose recordings lie in the data root ``root``,
    or stand in ``table``, the manifest of a user's own recordings.

    → DataFrame of :meth:`keras_ser.runs.store.Run.predictions` and ``path``; empty if there are none
    """
    names = corpora.present(run.facts["corpora"], root)
    if table is None and not names:
        return run.predictions().iloc[:0].assign(path=[])
    recordings = corpora.joined(names, root) if table is None else table
    recordings = recordings[recordings["synthetic"] == run.facts["synthetic"]]
    return run.predictions().query("transform == 'none'").merge(recordings[["clip", "path"]], on="clip")
