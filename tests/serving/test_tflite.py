"""Operators that TensorFlow Lite lacks, and why there is no file where one cannot be replaced."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ser.dsp.graph import graph
from keras_ser.dsp.spectrum import squared_magnitude
from keras_ser.serving import tflite

RATE = 800  # Hz: a row of ten seconds has 8000 samples
pytestmark = pytest.mark.slow


class Computes(keras.layers.Layer):
    """One number of each frame of 16 samples by ``function``: frames [batch, frames, 16] → [batch, frames]."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, inputs):
        waveform, lengths = inputs
        frames = tf.reshape(waveform, [1, -1, 16]) + 0.0 * tf.cast(lengths, tf.float32)[:, None, None]
        return self.function(frames)


def transformed_back(frames):
    return tf.signal.irfft(tf.signal.rfft(frames) * np.complex64(2 - 1j))[..., 3]


def autocorrelation(frames):
    spectrum = tf.signal.rfft(frames, [32])
    return tf.signal.irfft(tf.cast(squared_magnitude(spectrum), tf.complex64), [32])[..., 5]


def ranks(frames):
    ordered = tf.cumsum(tf.square(frames), axis=2)
    return tf.cast(tf.searchsorted(ordered[0], 0.5 * ordered[0, :, -1:])[None, :, 0], tf.float32)


@pytest.mark.parametrize("function", [transformed_back, autocorrelation, ranks])
def test_what_it_lacks_is_computed_by_what_it_has(function, rng):
    model = Computes(function)
    waveform = rng.uniform(-1, 1, (1, round(tflite.LONGEST_S * RATE))).astype("float32")
    lengths = np.array([waveform.shape[1]], np.int32)
    expected = model([tf.constant(waveform), tf.constant(lengths)]).numpy()
    assert np.ptp(expected) > 1  # of frames that differ
    contents, why_not = tflite.convert(model, RATE)
    assert why_not == ""
    assert tflite.difference(contents[32], waveform, lengths, expected) < 1e-5


def test_an_operator_that_cannot_be_replaced_is_named():
    def cross_power(frames):
        return tf.math.real(tf.signal.rfft(frames) * tf.math.conj(tf.signal.rfft(1.0 - frames)))[..., 2]

    contents, why_not = tflite.convert(Computes(cross_power), RATE)
    assert contents == {}
    assert why_not == "There is no TensorFlow Lite model: TensorFlow Lite has no operator Conj."


def test_a_graph_that_was_traced_before_is_converted_too(rng):
    inverse = graph(transformed_back, tf.TensorSpec([None, None, 16], tf.float32))
    inverse(tf.zeros([1, 2, 16]))
    contents, why_not = tflite.convert(Computes(inverse), RATE)
    assert why_not == ""
    waveform, lengths = rng.uniform(-1, 1, (1, 8000)).astype("float32"), np.array([8000], np.int32)
    expected = transformed_back(tf.reshape(waveform, [1, -1, 16])).numpy()
    assert tflite.difference(contents[32], waveform, lengths, expected) < 1e-5
