"""Carry out a report: corpus → examples → features → protocol → model → stored run.

What several runs need is computed once: the corpus is read once, the features once a seed.
"""

import json
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from tqdm import tqdm

import keras_ser
from keras_ser.data import features, leakage, protocols
from keras_ser.data.cache import digest
from keras_ser.errors import UserError
from keras_ser.reports.specification import SupportVectors
from keras_ser.runs import store
from keras_ser.training import evaluation, networks, svm

ADAPT_BATCH = 256  # examples that a normalisation sees at a time


@dataclass(frozen=True)
class Material:
    """The clips of a report's corpus, ready to be used: manifest with content, and what was left out."""

    title: str
    manifest: pd.DataFrame
    left_out: list[str]

    @property
    def synthetic(self):
        return bool(self.manifest["synthetic"].any())

    @property
    def description(self):
        """Says what it is and how many clips: stands beside every figure."""
        return f"embedded synthetic speech in place of {self.title}" if self.synthetic else self.title


def gather(report, corpus_title, manifest):
    """Read the clips of ``manifest`` that carry one of the report's emotions. → Material.

    Raises UserError where fewer than two emotions or ten clips are left.
    """
    if report.classes:
        manifest = manifest.assign(emotion=report.classes(manifest))
    own = manifest["corpus"].isin(report.corpora)
    for label, instead in report.instead.items():
        if not (own | manifest["emotion"].eq(label)).any():
            manifest = manifest.assign(emotion=manifest["emotion"].replace(instead, label))
    chosen = manifest["emotion"].isin(report.labels)
    if report.speakers:  # a stand-in has others, and folders hold what their maker wants used
        chosen &= manifest["speaker"].isin(report.speakers) | ~own
    usable, left_out = features.with_content(manifest[chosen])
    found = usable["emotion"].nunique()
    if found < 2 or len(usable) < 10:
        raise UserError(
            f"{corpus_title}: {len(usable)} usable clips of {found} emotion(s); {report.name} needs at least 10 clips "
            f"and 2 of {', '.join(report.labels)}"
        )
    return Material(corpus_title, usable, left_out)


def setup(report, experiment, material, *, engine, epochs):
    """Everything that decides what a run of ``experiment`` is, but for protocol and seed. JSON.

    A stored run that differs in any of it is another run: it stands in no table with this one.
    """
    recipe = features.recipe(experiment.front_end, engine)
    clips = material.manifest[["clip", "content", "speaker", "gender", "emotion", "sentence"]]
    return {
        "report": report.name,
        "experiment": experiment.name,
        "corpus": material.description,
        "synthetic": material.synthetic,
        "clips": len(material.manifest),
        "manifest": digest(clips.astype(str).values.tolist()),
        "labels": list(report.labels),
        "sample_rate": experiment.front_end.sample_rate,
        "features": engine,
        "front_end": digest(recipe["front_end"]),
        "split": _as_json(asdict(report.split)),
        **_training_facts(experiment.training, epochs),
        **({"size": experiment.size} if experiment.size else {}),
        "versions": {
            **recipe["versions"],
            "keras_ser": keras_ser.__version__,
            "scikit-learn": version("scikit-learn"),
            "python": platform.python_version(),
        },
    }


def _training_facts(training, epochs):
    """What :func:`setup` says of the training."""
    if isinstance(training, SupportVectors):
        return {"optimizer": "libsvm", "batch_size": None, "epochs": 0, **_as_json(asdict(training))}
    return {
        "optimizer": training.optimizer,
        "batch_size": training.batch_size,
        "epochs": epochs or training.epochs,
        **({"refit": True} if training.refit else {}),
    }


def _as_json(facts):
    """As they will be read again: tuples as lists."""
    return json.loads(json.dumps(facts))


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
            layer.adapt(tf.data.Dataset.from_tensor_slices(values).batch(ADAPT_BATCH))


def run_one(report, experiment, protocol, seed, *, material, examples, values, common, root, on_epoch):
    """Train and test one experiment under one protocol with one seed, and store it. → store.Run.

    ``examples`` and their features ``values`` [examples, …] are the seed's; ``common``: from :func:`setup`.
    """
    sided = protocols.assign(protocol, examples, material.manifest, report.split, seed)
    emotion = sided["clip"].map(material.manifest.set_index("clip")["emotion"])
    classes = emotion.map({label: place for place, label in enumerate(report.labels)}).to_numpy()
    rows = {side: np.flatnonzero(sided["side"] == side) for side in protocols.SIDES}
    sides = {side: (values[sided.index[rows[side]]], classes[rows[side]]) for side in protocols.SIDES}

    keras.utils.set_random_seed(seed)
    if isinstance(experiment.training, SupportVectors):
        known = np.concatenate([rows["train"], rows["validation"]])
        speakers = sided["clip"].map(material.manifest.set_index("clip")["speaker"]).to_numpy()
        model, fit = svm.fit(
            values[sided.index[known]],
            classes[known],
            speakers[known],
            len(report.labels),
            training=experiment.training,
        )
    else:
        model = assemble(experiment, len(report.labels), values.shape[1:])
        adapt(model, values if report.statistics_from_all and protocol == "as_reported" else sides["train"][0])
        fit = networks.fit(
            model,
            sides["train"],
            sides["validation"],
            len(report.labels),
            test=sides["test"],
            training=experiment.training,
            loss=experiment.loss,
            seed=seed,
            epochs=common["epochs"],
            on_epoch=on_epoch,
        )
    if fit.diverged_at is None:
        predictions = evaluation.predict(
            model, sides["test"][0], sided.iloc[rows["test"]], sides["test"][1], report.labels
        )
        scores = {**evaluation.score(predictions, report.labels), **evaluation.score_sides(model, sides)}
        if report.scores:
            scores["further"] = report.scores(predictions, material.manifest)
    else:
        predictions, scores = None, {}
    facts = {
        **common,
        "ours": experiment.ours,
        "loss": experiment.loss,
        "parameters": model.count_params(),
        "protocol": protocol,
        "seed": seed,
        "clips_by_corpus": material.manifest["corpus"].value_counts().to_dict(),
        "examples": {side: len(rows[side]) for side in protocols.SIDES},
        "test_speakers": sorted(
            set(sided["clip"].iloc[rows["test"]].map(material.manifest.set_index("clip")["speaker"]))
        ),
        "shared": leakage.shared(sided, material.manifest),
        "diverged_at": fit.diverged_at,
        "epochs_run": len(fit.history) if "epoch" in fit.history else 0,
        "seconds": round(fit.seconds, 1),
        "device": device(),
    }
    folder = store.folder_of(root, report.name, experiment.name, protocol, seed)
    return store.write(folder, facts, fit.history, predictions, scores, model)


def is_done(run, common, models):
    """Whether a stored run is of this setup and, where ``models`` are needed, complete."""
    return run is not None and common.items() <= run.facts.items() and (not models or store.is_complete(run))


def run_all(report, material, *, root, cache_root, experiments, protocol_names, seeds, engine, epochs, models=True):
    """Run what is not stored yet, seed by seed. → list of store.Run, all that were asked for.

    ``models`` False: a stored run without its model, as the repository holds them, need not be run again.
    """
    tf.config.experimental.enable_op_determinism()
    store.remove_leftovers(root)
    setups = [setup(report, item, material, engine=engine, epochs=epochs) for item in experiments]
    out = []
    total = len(seeds) * len(protocol_names) * len(experiments)
    with tqdm(total=total, desc=report.name, unit="run") as progress:
        for seed in seeds:
            examples, values = {}, {}  # of copies → examples; of copies and the name of a front end → features
            for protocol in protocol_names:
                for item, common in zip(experiments, setups, strict=True):
                    folder = store.folder_of(root, report.name, item.name, protocol, seed)
                    run = store.read(folder)
                    if not is_done(run, common, models):
                        copies, front_end = item.copies or report.copies, item.front_end
                        if copies not in examples:
                            examples[copies] = copies(material.manifest, seed)
                        if (copies, front_end.name) not in values:
                            values[copies, front_end.name] = features.compute(
                                examples[copies], material.manifest, front_end, cache_root=cache_root, engine=engine
                            )

                        def on_epoch(epoch, logs, what=f"{item.name} {protocol} seed {seed}"):
                            loss = "val_loss" if "val_loss" in logs else "loss"
                            progress.set_postfix_str(f"{what} epoch {epoch} {loss} {logs[loss]:.3f}")

                        run = run_one(
                            report,
                            item,
                            protocol,
                            seed,
                            material=material,
                            examples=examples[copies],
                            values=values[copies, front_end.name],
                            common=common,
                            root=root,
                            on_epoch=on_epoch,
                        )
                        keras.backend.clear_session()
                    out.append(run)
                    progress.update()
    return out


def stored(report, material, *, root, engine, epochs):
    """All stored runs of a report that belong in one table. → list of store.Run"""
    setups = [setup(report, item, material, engine=engine, epochs=epochs) for item in report.experiments]
    runs = store.read_all(root, report.name)
    return [run for run in runs if any(common.items() <= run.facts.items() for common in setups)]
