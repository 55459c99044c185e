"""A model for TensorFlow Lite, where its operators allow one.

The model has one signature: ``waveform`` float32 [1, LONGEST_S · rate] and ``lengths`` int32 [1], how many of the
samples are the clip, → ``probabilities`` [1, classes]. TensorFlow Lite plans its memory ahead, hence the fixed length.
"""

import re
import tempfile
import warnings

import numpy as np
import tensorflow as tf

from keras_ser.dsp.graph import graph
from keras_ser.progress import quiet_stderr
from keras_ser.serving import saved_model

LONGEST_S = 10.0  # of a clip
SIGNATURE = "padded"


@quiet_stderr()  # what the converter reports as an error is said in words
def convert(model, sample_rate):
    """``model``: waveform [batch, samples], lengths [batch] → probabilities. → (content of the file, "") or (None, why
    there is none, in a sentence).
    """

    def answer(waveform, lengths):
        return {"probabilities": model([waveform, lengths])}

    waveform = tf.TensorSpec([1, round(LONGEST_S * sample_rate)], tf.float32, "waveform")
    with tempfile.TemporaryDirectory() as folder:
        lengths = tf.TensorSpec([1], tf.int32, "lengths")
        saved_model.write(folder, model, {SIGNATURE: graph(answer, waveform, lengths)})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        try:
            content = converter.convert()
            # Some operators refuse their arguments only when they run.
            silence = np.zeros([1, waveform.shape[1]], np.float32)
            _interpreter(content).get_signature_runner(SIGNATURE)(waveform=silence, lengths=np.array([8000], np.int32))
            return content, ""
        except Exception as error:  # the converter has a class of its own for every stage, none of them public
            return None, f"There is no TensorFlow Lite model: TensorFlow Lite {_reason(str(error))}."


def _reason(error):
    """Why not, as the end of a sentence."""
    operator = re.search(r"'tf\.(\w+)' op is neither|fused\[\"(\w+):", error)
    if operator:
        return f"has no operator {operator[1] or operator[2]}"
    if "IsPowerOfTwo(fft_length" in error:
        return "knows no Fourier transform whose length is no power of two"
    return f"says: {error.splitlines()[0]}"


def _interpreter(content):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the interpreter is to move to a package of its own
        return tf.lite.Interpreter(model_content=content)


@quiet_stderr()
def difference(content, clips, lengths, probabilities):
    """Greatest difference between the answers of the file's content and ``probabilities`` [clips, classes].

    ``clips`` [clips, samples], ``lengths`` [clips].
    """
    runner = _interpreter(content).get_signature_runner(SIGNATURE)
    width = runner.get_input_details()["waveform"]["shape"][1]
    clips = np.pad(clips, [[0, 0], [0, width - clips.shape[1]]])
    found = [
        runner(waveform=clip[None], lengths=np.array([length], np.int32))["probabilities"][0]
        for clip, length in zip(clips, lengths, strict=True)
    ]
    return float(np.abs(np.stack(found) - probabilities).max())
