"""An exported model: which files it has, whether they are whole, and whether it answers as it should.

In: the folder that :mod:`keras_ser.serving.export` wrote. Out: its signatures, or the greatest difference between its
answers and those of the training path. Needs neither the run nor the code that it was made from.
"""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_ser import audio, files
from keras_ser.dsp.resample import resample
from keras_ser.errors import UserError
from keras_ser.serving import tflite

TOLERANCE = 1e-4  # of a probability
STORED_TOLERANCE = 1e-3  # of one that the run stored, which another device may have computed
STORED_CLIPS = 16  # so many of a run's test clips are compared with what it stored
MODEL = "saved_model.pb"
EXTRA = "assets.extra"
FACTS = f"{EXTRA}/keras_ser.json"
SELF_TEST = f"{EXTRA}/selftest.npz"
WARMUP = f"{EXTRA}/tf_serving_warmup_requests"
LITE = {bits: f"{EXTRA}/{name}" for bits, name in tflite.FILES.items()}
SUMS = "SHA256SUMS"
CARD = "README.md"
EXPORTED = (MODEL, "fingerprint.pb", "variables/", "assets/", f"{EXTRA}/")  # how what has a sum begins
ADVICE = "the export is damaged: export the run again"


def opened(folder):
    """An exported model whose files are what was exported. → its signatures, and what
    :func:`keras_ser.serving.chain.describe` says of it.

    Raises UserError if ``folder`` is no exported model, or a file of it is damaged or missing.
    """
    folder = Path(folder)
    if not (folder / SUMS).is_file():
        raise UserError(f"{folder}: no model exported by this version of keras-ser ({SUMS} is missing)")
    with files.reading(folder / SUMS, ADVICE):
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        stated = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
        sums = sums_of(folder)
    for name in [*stated, *(name for name in sums if name not in stated)]:
        if stated.get(name) != sums.get(name):
            problem = "missing" if name not in sums else "not what was exported"
            raise UserError(f"{folder / name}: {problem}: {ADVICE}")
    with files.reading(folder, ADVICE):
        served = tf.saved_model.load(str(folder)).signatures
        return served, json.loads(served["describe"]()["json"].numpy())


def sums_of(folder):
    """→ dict: path in an exported folder → SHA-256 of the file. What people and their systems put beside what was
    exported, such as macOS's .DS_Store, has none.
    """
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("[!.]*") if path.is_file())
    names = sorted(name for name in names if name.startswith(EXPORTED))
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def verify(folder, stored=None):
    """Run the stored self-test of an exported model. → dict: what was asked → greatest difference of a probability.

    ``stored``: from :func:`keras_ser.serving.chain.stored_clips`; then also as :func:`compare_with_stored`.

    Raises UserError if ``folder`` is no exported model, a file of it is damaged, or one probability differs by more
    than ``TOLERANCE`` (of TensorFlow Lite: ``tflite.TOLERANCE``).
    """
    folder = Path(folder)
    served, facts = opened(folder)
    with files.reading(folder / SELF_TEST, ADVICE):
        test = dict(np.load(folder / SELF_TEST))
        waveform, lengths, expected = test["waveform"], test["lengths"], test["probabilities"]
        recordings = np.split(test["wav_bytes"], np.cumsum(test["wav_lengths"])[:-1])
    recordings = tf.constant([file.tobytes() for file in recordings])

    def ask(signature, **inputs):
        return served[signature](**{name: tf.constant(value) for name, value in inputs.items()})["probabilities"]

    alone = [ask("serving_default", waveform=y[None, :n])[0] for y, n in zip(waveform, lengths, strict=True)]
    answers = {
        "serving_default, one clip at a time": (np.stack(alone), expected),
        "padded, a batch of all": (ask("padded", waveform=waveform, lengths=lengths), expected),
        "padded, a batch of two": (ask("padded", waveform=waveform[:2], lengths=lengths[:2]), expected[:2]),
        "wav_bytes, a batch of all": (ask("wav_bytes", wav_bytes=recordings), test["wav_probabilities"]),
        "wav_bytes, one file": (ask("wav_bytes", wav_bytes=recordings[1:2]), test["wav_probabilities"][1:2]),
    }
    differences = {name: float(np.abs(obtained - known).max()) for name, (obtained, known) in answers.items()}
    allowed = dict.fromkeys(differences, TOLERANCE)
    for bits, name in LITE.items():
        if (folder / name).is_file():
            asked = f"TensorFlow Lite, weights of {bits} bits, one clip at a time"
            differences[asked] = lite_difference((folder / name).read_bytes(), test)
            allowed[asked] = tflite.TOLERANCE[bits]
    # Not a number is not within the tolerance.
    wrong = [f"{name}: {difference:.2g}" for name, difference in differences.items() if not difference <= allowed[name]]
    if wrong:
        raise UserError(f"{folder}: probabilities differ from those of the training path by {'; '.join(wrong)}")
    if stored is not None and len(stored):
        differences |= compare_with_stored(served, facts, stored)
    return differences


def compare_with_stored(served, facts, stored):
    """Put test clips of a run to its exported model. → dict: what was compared → greatest difference of a probability.

    ``served``, ``facts``: the model, from :func:`opened`. ``stored``: from
    :func:`keras_ser.serving.chain.stored_clips`; ``STORED_CLIPS`` of them are taken, evenly.

    Raises UserError if one differs by more than ``STORED_TOLERANCE``, or a recording cannot be read.
    """
    ask = served["serving_default"]
    chosen = stored.iloc[:: math.ceil(len(stored) / STORED_CLIPS)].reset_index(drop=True)
    answers = []
    for path in chosen["path"]:
        y, rate = audio.read(path, first_channel=facts["first_channel"])
        waveform, _ = resample(y[None], orig_sr=rate, target_sr=facts["sample_rate"] or rate)
        answers.append(ask(waveform=waveform)["probabilities"][0])
    expected = chosen[[f"p_{label}" for label in facts["labels"]]].to_numpy()
    # Of classes that some corpora alone have the run asked where the clip's corpus has them, and stored 0 elsewhere.
    of_some = [label not in facts["common_labels"] for label in facts["labels"]]
    answers = np.where((expected == 0) & of_some, 0, np.stack(answers))
    differences = np.abs(answers / answers.sum(axis=1, keepdims=True) - expected).max(axis=1)  # [clips]
    # Not a number is not within the tolerance.
    wrong = chosen["clip"][~(differences <= STORED_TOLERANCE)].tolist()
    if wrong:
        raise UserError(
            f"the model answers otherwise than the run stored for {len(wrong)} of {len(chosen)} test clips, by up to "
            f"{differences.max():.2g} ({wrong[0]}): the recordings or the code have changed since: run it again"
        )
    return {f"serving_default, {len(chosen)} test clips as the run stored them": float(differences.max())}


def lite_difference(content, test):
    return tflite.difference(content, test["waveform"], test["lengths"], test["probabilities"])
