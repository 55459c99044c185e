"""The harness refuses layers that break what it promises to check."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ser.dsp.spectrum import clear_padding
from tests.harness import check_layer

WAVEFORM = np.random.default_rng(0).normal(size=(2, 50)).astype(np.float32)
LENGTHS = [50, 30]


@keras.saving.register_keras_serializable(package="tests")
class Broken(keras.layers.Layer):
    """Returns the clip, with one thing wrong."""

    def __init__(self, fault=None, **kwargs):
        super().__init__(**kwargs)
        self.fault = fault

    def call(self, waveform, lengths):
        clean = clear_padding(waveform, lengths)
        match self.fault:
            case "reads its padding":
                return clear_padding(clean + tf.reduce_mean(waveform, axis=1, keepdims=True), lengths)
            case "leaves its padding":
                return clean + 1.0
            case "looks at its batch mates":
                return clean / tf.reduce_max(clean)
            case "draws anew":
                return clean * tf.random.uniform([])
            case "knows its batch size":
                return clean * tf.cast(tf.shape(clean)[0], tf.float32)
            case "forgets its configuration":
                return 2.0 * clean
        return clean

    def get_config(self):
        forgets = self.fault == "forgets its configuration"
        return {"name": self.name} if forgets else {**super().get_config(), "fault": self.fault}


@pytest.mark.parametrize(
    ("fault", "refusal"),
    [
        ("reads its padding", "other padding"),
        ("leaves its padding", "not zero in the padding"),
        ("looks at its batch mates", "clip . alone"),
        ("knows its batch size", "clip . alone"),
        ("draws anew", "other padding"),
        ("forgets its configuration", "reloaded"),
    ],
)
def test_refuses_a_layer_that(fault, refusal, tmp_path):
    with pytest.raises(AssertionError, match=refusal):
        check_layer(Broken(fault), WAVEFORM, LENGTHS, tmp_path, atol=1e-6)


def test_passes_a_layer_without_fault(tmp_path):
    assert check_layer(Broken(), WAVEFORM, LENGTHS, tmp_path, atol=0).shape == (2, 50)
