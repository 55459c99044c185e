"""One unit of a plan trained, tested and stored.

In: a setting, a unit, the examples made of the setting's clips and their features. Out: a stored run.
"""

import contextlib
import platform
from importlib.metadata import PackageNotFoundError, version

import keras
import numpy as np
import tensorflow as tf

import keras_ser
from keras_ser.data import leakage, protocols, streaming
from keras_ser.layers import RunningNormalization
from keras_ser.runs import store
from keras_ser.runs.identity import setup_digest
from keras_ser.training import evaluation, losses, metrics, networks, svm
from keras_ser.training.seeds import seeded

ADAPT_BATCH = 256  # examples that a normalisation sees at a time
LIBRARIES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn", "librosa", "noisereduce", "soxr", "opensmile")


def assemble(experiment, n_classes, feature_shape):
    """The experiment's model, with what brings features [batch, *feature_shape] to its input. → keras.Sequential

    Raises ValueError where it would keep the statistics of the first fold in the others.
    """
    model, before = experiment.model(n_classes), experiment.before()
    # Folds share one traced graph, in which Keras's own layer leaves constants.
    normalizations = [layer for layer in before if isinstance(layer, keras.layers.Normalization)]
    if not all(isinstance(layer, RunningNormalization) for layer in normalizations):
        raise ValueError(
            f"`before` of {experiment.name} must normalise by keras_ser.layers.RunningNormalization, whose statistics "
            "are variables. Received: keras.layers.Normalization, which keeps those of the first fold in the others"
        )
    reshape = keras.layers.Reshape(model.input_shape[1:])
    return keras.Sequential([keras.Input(feature_shape), *before, reshape, model], name=model.name)


def adapt(model, values):
    """Give the layers that come before the report's model their statistics of ``values`` [examples, …]."""
    for layer in model.layers:
        if isinstance(layer, RunningNormalization):
            streamed = isinstance(values, streaming.Stream)
            layer.adapt(
                values.computed() if streamed else tf.data.Dataset.from_tensor_slices(values).batch(ADAPT_BATCH)
            )


def train(setting, unit, examples, values, models):
    """Train and test one unit of a :class:`~keras_ser.runs.planning.Setting`, and store it. → store.Run.

    ``examples`` and their features ``values`` [examples, …] are those of the unit's repetition; ``models``
    (:class:`~keras_ser.training.networks.Models`) are shared with the other units.
    """
    report, material = setting.report, setting.material
    experiment, training = unit.experiment, unit.experiment.training
    assigned = unit.protocol.assign(
        examples, material.manifest, report.split, unit.repetition, unit.fold, training.augmented
    )
    clips = material.manifest.set_index("clip")
    assigned = assigned.assign(
        **{column: assigned["clip"].map(clips[column]) for column in ("corpus", "speaker", "emotion")}
    )
    classes = metrics.indices(assigned["emotion"], report.labels)
    rows = {name: np.flatnonzero(assigned["split"] == name) for name in protocols.SPLITS}
    possible = possible_classes(assigned, report.labels, material.manifest) if report.classes_by_corpus else None
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
            epochs=setting.epochs,
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
        "epochs": (setting.epochs or training.epochs) if training.kind == "network" else 0,
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
    return store.write(unit.folder(setting), facts, fit.history, predictions, scores, model)


def possible_classes(assigned, labels, manifest):
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
