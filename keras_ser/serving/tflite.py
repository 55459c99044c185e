"""A model for TensorFlow Lite, where its operators allow one.

The model has one signature: ``waveform`` float32 [1, LONGEST_S · rate] and ``lengths`` int32 [1], how many of the
samples are the clip, → ``probabilities`` [1, classes]. TensorFlow Lite plans its memory ahead, hence the fixed length.
Operators it lacks are replaced by functions of those it has. ``FILES`` are the model with its weights as they are, and
with weights of 16 bits, smaller, whose answers differ a little.
"""

import re
import tempfile
import warnings
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from keras_ser.dsp.graph import graph
from keras_ser.progress import quiet_stderr
from keras_ser.serving import saved_model

FILES = {32: "model.tflite", 16: "model_float16.tflite"}  # bits of a weight → name
TOLERANCE = {32: 1e-4, 16: 0.02}  # bits of a weight → of a probability
LONGEST_S = 10.0  # of a clip
SIGNATURE = "padded"


@quiet_stderr()  # what the converter reports as an error is said in words
def convert(model, sample_rate):
    """``model``: waveform [batch, samples], lengths [batch] → probabilities. → (bits of a weight → content of the file,
    "") or ({}, why there is none, in a sentence).
    """

    def answer(waveform, lengths):
        return {"probabilities": model([waveform, lengths])}

    waveform = tf.TensorSpec([1, round(LONGEST_S * sample_rate)], tf.float32, "waveform")
    with tempfile.TemporaryDirectory() as folder:
        lengths = tf.TensorSpec([1], tf.int32, "lengths")
        saved_model.write(folder, model, {SIGNATURE: graph(answer, waveform, lengths)})
        try:
            _replace_operators(Path(folder) / "saved_model.pb")
            converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
            contents = {32: converter.convert()}
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
            contents[16] = converter.convert()
            # Some operators refuse their arguments only when they run.
            silence = np.zeros([1, waveform.shape[1]], np.float32)
            for content in contents.values():
                runner(content)(waveform=silence, lengths=np.array([8000], np.int32))
            return contents, ""
        except Exception as error:  # the converter has a class of its own for every stage, none of them public
            return {}, f"There is no TensorFlow Lite model: TensorFlow Lite {_reason(str(error))}."


def _irfft(spectrum, fft_length):
    """Real signals by a second transform of real signals: Hartley's is its own inverse, but for the scale.

    Source: R. N. Bracewell, "Discrete Hartley transform", 1983.
    """

    def hartley(spectrum):  # [..., 1 + n / 2] → [..., n], n even: the first bin and the one at n / 2 are real
        real, imag = tf.math.real(spectrum), tf.math.imag(spectrum)[..., 1:-1]
        first, middle, last = real[..., :1], real[..., 1:-1], real[..., -1:]
        return tf.concat([first, middle - imag, last, tf.reverse(middle + imag, [-1])], axis=-1)

    twice = hartley(tf.signal.rfft(hartley(spectrum), fft_length))
    return twice / tf.cast(fft_length[0], tf.float32)


def _lower_bound(ordered, values):
    """[rows, n], [rows, m] → how many of a row of ``ordered`` are less than each value, int32 [rows, m]"""
    less = ordered[:, None, :] < values[:, :, None]
    return tf.reduce_sum(tf.cast(less, tf.int32), axis=2)


_COMPLEX = tf.TensorSpec(None, tf.complex64)
_ROWS = tf.TensorSpec([None, None], tf.float32)
_REPLACED = {  # what TensorFlow Lite has no operator for → the same of others, with what it takes
    "IRFFT": (_irfft, _COMPLEX, tf.TensorSpec([1], tf.int32)),
    "LowerBound": (_lower_bound, _ROWS, _ROWS),
}


def _replace_operators(path):
    """Each operator of ``_REPLACED`` in the file ``saved_model.pb`` becomes a call of its function."""
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    definition = saved.meta_graphs[0].graph_def
    bodies = [function.node_def for function in definition.library.function]
    for operator, (function, *takes) in _REPLACED.items():
        nodes = [(node, body) for body in bodies for node in body if node.op == operator]
        if nodes:
            concrete = tf.function(function, autograph=False).get_concrete_function(*takes)
            definition.library.function.append(concrete.function_def)
        for node, body in nodes:
            node.op = "PartitionedCall"
            node.attr.clear()
            node.attr["f"].func.name = concrete.function_def.signature.name
            node.attr["Tin"].list.type.extend(spec.dtype.as_datatype_enum for spec in takes)
            node.attr["Tout"].list.type.extend(output.dtype.as_datatype_enum for output in concrete.outputs)
            product, called = f"{node.name}:z:0", f"{node.name}:output:0"  # the others have an output by that name too
            for user in body:
                user.input[:] = [called if name == product else name for name in user.input]
    path.write_bytes(saved.SerializeToString())


def _reason(error):
    """Why not, as the end of a sentence."""
    operator = re.search(r"'tf\.(\w+)' op is neither|fused\[\"(\w+):", error)
    if operator:
        return f"has no operator {operator[1] or operator[2]}"
    if "IsPowerOfTwo(fft_length" in error:
        return "knows no Fourier transform whose length is no power of two"
    return f"says: {error.splitlines()[0]}"


def runner(content):
    """The signature of a file's content as a function of arrays. → dict: ``probabilities`` [1, classes]"""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the interpreter is to move to a package of its own
        return tf.lite.Interpreter(model_content=content).get_signature_runner(SIGNATURE)


@quiet_stderr()
def difference(content, clips, lengths, probabilities):
    """Greatest difference between the answers of the file's content and ``probabilities`` [clips, classes].

    ``clips`` [clips, samples], ``lengths`` [clips].
    """
    answer = runner(content)
    width = answer.get_input_details()["waveform"]["shape"][1]
    clips = np.pad(clips, [[0, 0], [0, width - clips.shape[1]]])
    answers = [
        answer(waveform=clip[None], lengths=np.array([length], np.int32))["probabilities"][0]
        for clip, length in zip(clips, lengths, strict=True)
    ]
    return float(np.abs(np.stack(answers) - probabilities).max())
