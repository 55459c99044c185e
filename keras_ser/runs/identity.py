"""What makes two runs the same: everything that decides the result, as JSON, and nothing else.

Here is what clips, augmentation and training say of themselves. :func:`keras_ser.runs.planning.setup` joins what all
runs of one experiment on the same clips have in common (clips, labels, front end, model, training, statistics): what
differs in its digest, :func:`setup_digest`, never shares a table, a page or a model card.
:attr:`keras_ser.runs.planning.Unit.identity` is the digest of the setup and of what is of the single run (protocol,
augmentation, split, seed). Python, libraries, device and commit are recorded beside it and never compared: they change
the last bits of a result, not what was computed.
"""

import keras

from keras_ser.data import augmentation, features
from keras_ser.data.digests import code, digest, table_digest
from keras_ser.training import losses


def manifest_facts(manifest):
    """The clips and what is said of them. JSON"""
    columns = ["clip", "audio_hash", "speaker", "gender", "emotion", "sentence"]
    return digest(manifest[columns].astype(str).values.tolist())


def augmentation_facts(examples, backend, pipeline="cached"):
    """The table of examples and the code of the transforms in it; of fresh ones also what they are drawn from. JSON"""
    transforms = sorted(set(examples["transform"]) - {"none"})
    apply = features.transform_in_graph if backend == "tensorflow" else features.transform_by_librosa
    facts = {
        "examples": table_digest(examples[list(augmentation.DECIDING)]),
        "code": code(apply) if transforms else None,
    }
    if pipeline == "fresh":
        facts["ranges"] = table_digest(examples.reindex(columns=list(augmentation.RANGE)))
        facts["draw"] = code(augmentation.draw_in_epoch)
    return facts


def training_facts(experiment, epochs):
    """How the model is fitted. JSON. ``epochs``: in place of the report's number of them, or None"""
    training = experiment.training
    facts = {"kind": training.kind, "loss": losses.facts(experiment.loss), "fitted_on": list(training.fitted_on)}
    if training.kind == "svm":
        return {**facts, "C": list(training.C), "kernels": list(training.kernels), "standardize": training.standardize}
    optimizer = keras.optimizers.get(training.optimizer).get_config()
    return {
        **facts,
        # Later versions of Keras have other names for them (adam_w), and count those of a process: adam_1.
        "optimizer": {**optimizer, "name": training.optimizer_name},
        "batch_size": training.batch_size,
        "epochs": epochs or training.epochs,
        "callbacks": code(training.callbacks),
        "refit": training.refit,
    }


def setup_digest(decided_by):
    """Digest of what all runs of one experiment on the same clips have in common."""
    single = ("protocol", "augmentation", "split", "seed")
    return digest({name: value for name, value in decided_by.items() if name not in single})
