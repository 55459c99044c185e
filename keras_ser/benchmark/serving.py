"""An exported model beside the reports' own way to a prediction."""

import functools
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf

from keras_ser import audio, files, librosa_reference
from keras_ser.benchmark.table import cells, machine, seconds, turn, write
from keras_ser.data.features import padded
from keras_ser.errors import UserError
from keras_ser.progress import bar
from keras_ser.reports import extensions
from keras_ser.serving import export, exported, tflite
from keras_ser.serving.chain import ANY_RATE


def run(runs, paths, out_dir, *, corpus, rounds=5):
    """Time the exported model of each run beside the report's own way to a prediction (librosa, then
    ``model.predict``), and the start of both; write serving.csv and serving.md in ``out_dir``.

    ``paths``: clips to predict; one of them alone, then all as one batch. → pd.DataFrame, one row per run and call

    Raises UserError where a run is of a recipe, whose features no listing computes.
    """
    for run in runs:
        if extensions.experiment_of(run.facts).front_end.reference is None:
            raise UserError(
                f"{run.folder}: {run.facts['report']} has no listing by librosa to set the exported model beside: name "
                "runs of the reports"
            )
    rows = []
    progress = bar(runs, desc="serving", unit="model")
    with files.temporary(out_dir), tempfile.TemporaryDirectory() as part, progress:
        for number, run in enumerate(progress):
            folder = Path(part) / str(number)
            export.export(run, folder)
            rows.extend(_time(run, folder, paths, rounds))
    table = pd.DataFrame(rows)
    write(out_dir, "serving", table, _markdown(table, corpus, len(paths), rounds))
    return table


def _time(run, folder, paths, rounds):
    """The rows of one run."""
    front_end = extensions.experiment_of(run.facts).front_end
    rate = front_end.sample_rate or ANY_RATE
    network = run.model()
    served = tf.saved_model.load(str(folder)).signatures
    clips = [librosa_reference.resample(y, orig_sr, rate) for y, orig_sr in audio.read_many(paths)]
    waveform, lengths = map(tf.constant, padded(clips))
    contents = [tf.audio.encode_wav(y[:, None], rate) for y in clips]

    def listed(chosen):
        network.predict(np.stack([front_end.reference(y, rate) for y in chosen]), verbose=0)

    def answer(signature, **inputs):
        served[signature](**inputs)["probabilities"].numpy()

    one = tf.constant(clips[0][None])
    calls = (
        ("one clip", clips[:1], lambda: answer("serving_default", waveform=one)),
        ("one clip as WAV bytes", clips[:1], lambda: answer("wav_bytes", wav_bytes=contents[0][None])),
        (f"{len(clips)} clips at once", clips, lambda: answer("padded", waveform=waveform, lengths=lengths)),
    )
    listed_start = _start_s(_LISTED_START, run.folder / "model.keras", rate)
    starts = dict.fromkeys((what for what, _, _ in calls), _start_s(_OUR_START, folder, rate))
    lite = folder / exported.LITE[32]
    if lite.is_file():
        small = tflite.runner(lite.read_bytes())
        width = round(tflite.LONGEST_S * rate)
        clip = clips[0][:width]
        row, n = np.pad(clip, (0, width - len(clip)))[None], np.array([len(clip)], np.int32)
        what = "one clip by TensorFlow Lite"
        calls += ((what, clips[:1], lambda: small(waveform=row, lengths=n)),)
        starts[what] = _start_s(_LITE_START, lite, rate) if find_spec("ai_edge_litert") else None
    for what, chosen, call in calls:
        times = np.array([[turn(functools.partial(listed, chosen)), turn(call)] for _ in range(rounds)])
        ratios = times[:, 0] / times[:, 1]
        listed_ms, graph_ms = np.median(times, axis=0) * 1e3 / len(chosen)
        yield {
            "model": f"{run.facts['report']} {run.facts['experiment']}",
            "call": what,
            "listing_ms_per_clip": listed_ms,
            "graph_ms_per_clip": graph_ms,
            "ratio": np.median(ratios),
            "ratio_min": ratios.min(),
            "ratio_max": ratios.max(),
            "listing_start_s": listed_start,
            "graph_start_s": starts[what],
        }


# A process from nothing to its first answer, to a second of sound.
_LISTED_START = """
import sys, numpy as np, librosa, keras, keras_ser.layers
from keras_ser.models import columns, conv1d_wave, svm  # their layers
model, rate = keras.models.load_model(sys.argv[1]), int(sys.argv[2])
librosa.feature.mfcc(y=np.ones(rate, np.float32), sr=rate)
model.predict(np.zeros((1, *model.input_shape[1:]), np.float32), verbose=0)
"""
_OUR_START = """
import sys, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
model.signatures["serving_default"](waveform=tf.ones([1, int(sys.argv[2])]))
"""
_LITE_START = """
import sys, numpy as np
from ai_edge_litert.interpreter import Interpreter
answer = Interpreter(sys.argv[1]).get_signature_runner("padded")
row = np.ones(answer.get_input_details()["waveform"]["shape"], np.float32)
answer(waveform=row, lengths=np.array([int(sys.argv[2])], np.int32))
"""


def _start_s(code, model, rate):
    command = [sys.executable, "-c", code, str(model), str(rate)]
    return seconds(lambda: subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[2]))


def _markdown(table, corpus, n_clips, rounds):
    return f"""# Speed of prediction

From a waveform at the model's rate to probabilities: left the report's own way (librosa for each clip, then
`model.predict`), right the exported model; {rounds} rounds, both in turn (each again and again for half a
second), on {n_clips} clips of {corpus}. `ratio` is the median over the rounds, with the least and the
greatest: above 1, the exported model is faster. `start` is a process from nothing to its first answer; TensorFlow Lite
starts as `ai-edge-litert`, without TensorFlow, and takes a row of {tflite.LONGEST_S:g} s whatever the clip's length.

{cells(table)}

{machine()}
"""
