"""A run that is killed, and called again, leaves what an unbroken one leaves, to the bit."""

import gzip
import os
import subprocess
import sys

import pytest

from keras_ser import files

# A report with all that a run does, and little to compute. Forks before TensorFlow has started anything: to import it
# takes longer than the run.
DRIVER = """
import dataclasses, os, random, signal, sys, time
from pathlib import Path
import keras
from keras_ser import api, reports
from keras_ser.data.augmentation import Copies, with_copies
from keras_ser.layers import MFCC, FixFrames
from keras_ser.output.figures import selection
from keras_ser.reports.specification import FrontEnd
from keras_ser.training.networks import BestCheckpoint

def features():
    waveform, lengths = keras.Input((None,)), keras.Input((), dtype="int32")
    mfcc = MFCC(16000, 12)(waveform, lengths)
    return keras.Model([waveform, lengths], FixFrames(50)(mfcc, lengths))

def model(n_classes):
    layers = keras.layers
    return keras.Sequential([keras.Input((600,)), layers.Dropout(0.2), layers.Dense(n_classes, "softmax")])

def callbacks():
    return [BestCheckpoint("val_loss")]

def augmentation(manifest, seed):
    return with_copies(manifest, seed, [Copies("pitch_shift", 3, -3.0, 3.0)])

report = api.report("emodb_losses")
experiment, *others = report.experiments
training = dataclasses.replace(experiment.training, callbacks=callbacks)
front_end = FrontEnd("mfcc", 16000, features, None)
experiment = dataclasses.replace(experiment, front_end=front_end, model=model, training=training)
report = dataclasses.replace(report, augmentation=augmentation, experiments=(experiment, *others))
reports.load = lambda _: report
selection.of_report = lambda *_: []
data, root, n_kills = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])

def start(out):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            api.reproduce(report.name, experiments=[experiment.name], protocols=["clip_disjoint"], epochs=3, data=data,
                          out=out)
            code = 0
        finally:
            os._exit(code)
    return child

def finish(out):
    _, status = os.waitpid(start(out), 0)
    assert status == 0, out

started = time.monotonic()
finish(root / "unbroken")
seconds = time.monotonic() - started
moments = random.Random(0)
for number in range(n_kills):
    out = root / str(number)
    child = start(out)
    time.sleep(moments.uniform(0.1, 1) * seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    finish(out)
"""


def content(folder):
    """Everything that the time does not change. → dict: path → bytes"""
    found = {}
    for path in folder.rglob("*"):
        if path.suffix in (".npy", ".md") or path.name in ("predictions.csv", "metrics.json", "table.csv"):
            found[str(path.relative_to(folder))] = path.read_bytes()
        elif path.name == "predictions.csv.gz":
            found[path.name] = gzip.decompress(path.read_bytes())
        assert not path.name.startswith(files.PART)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("n_kills", [5, pytest.param(50, marks=pytest.mark.exhaustive)])
def test_killed_at_any_moment_and_called_again(n_kills, embedded, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    words = [sys.executable, "-c", DRIVER, str(embedded), str(tmp_path), str(n_kills)]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "TMPDIR": str(temporary)})
    assert done.returncode == 0, done.stderr
    assert list(temporary.iterdir()) == []  # of checkpoints, or of what TensorFlow traces
    expected = content(tmp_path / "unbroken")
    assert {name.rsplit("/", 1)[-1] for name in expected} >= {"predictions.csv", "metrics.json", "table.csv"}
    assert len([name for name in expected if name.endswith(".npy")]) > 10
    for number in range(n_kills):
        assert content(tmp_path / str(number)) == expected
