"""Altered copies of clips. What is drawn for a copy depends on (seed, clip, copy) alone, not on the batch,
its order or how often the layer has been called: any copy can be made again on its own.

A copy is named by ``clip_id`` (int64 [batch], a stable hash of the clip's name, from the caller) and
``copy`` (integer [batch]: number the copies of a clip through, over all kinds of augmentation, so that no
two share a draw).
"""

import keras
import tensorflow as tf

from keras_ser.dsp import effects
from keras_ser.layers.signal import SignalLayer, full_lengths


def _mix(x):
    """The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): a bijection of uint64, full avalanche."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(shift, tf.uint64)))
        x *= tf.constant(factor, tf.uint64)
    return tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(31, tf.uint64)))


def draw(seed, clip_id, copy, low, high):
    """A uniform draw from [low, high) for each copy. TensorFlow's stateless generators take one seed a call;
    here every row has its own, so the draw is a hash. → float32 [batch].
    """
    step = tf.constant(0x9E3779B97F4A7C15, tf.uint64)  # 2**64 / golden ratio
    state = tf.zeros([], tf.uint64)
    for key in (seed, clip_id, copy):
        state = _mix(state + step + tf.bitcast(tf.cast(key, tf.int64), tf.uint64))
    # The upper 24 bits, as many as float32 holds: [0, 1).
    unit = tf.cast(tf.bitwise.right_shift(state, tf.constant(40, tf.uint64)), tf.float32) * 2.0**-24
    return low + (high - low) * unit


class RandomEffect(SignalLayer):
    """An effect whose strength is drawn from [low, high) for each copy by :func:`draw`."""

    def __init__(self, low, high, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.low = low
        self.high = high
        self.seed = seed

    def draw(self, clip_id, copy):
        """The strengths that ``call`` applies to these copies. → float32 [batch]."""
        return draw(self.seed, clip_id, copy, self.low, self.high)

    def get_config(self):
        return {**super().get_config(), "low": self.low, "high": self.high, "seed": self.seed}


@keras.saving.register_keras_serializable(package="keras_ser")
class PitchShift(RandomEffect):
    """Shift the pitch by a drawn number of semitones: :func:`keras_ser.dsp.effects.pitch_shift`.

    Args:
        sample_rate: Integer, in Hz.
        low: Float, least shift in semitones.
        high: Float, greatest.
        seed: Integer.

    Input shape: waveform [batch, samples], lengths, clip_id, copy [batch].
    Output shape: waveform [batch, samples].
    """

    def __init__(self, sample_rate, low, high, seed=0, **kwargs):
        super().__init__(low, high, seed, **kwargs)
        self.sample_rate = sample_rate

    def call(self, waveform, lengths=None, *, clip_id, copy):
        n_steps = self.draw(clip_id, copy)
        return effects.pitch_shift(waveform, n_steps, sample_rate=self.sample_rate, lengths=lengths)

    def get_config(self):
        return {**super().get_config(), "sample_rate": self.sample_rate}


@keras.saving.register_keras_serializable(package="keras_ser")
class TimeStretch(RandomEffect):
    """Play faster (rate > 1) or slower by a drawn rate, at the same pitch:
    :func:`keras_ser.dsp.effects.time_stretch`.

    Args:
        low: Float > 0, least rate.
        high: Float, greatest.
        seed: Integer.

    Input shape: waveform [batch, samples], lengths, clip_id, copy [batch].
    Output shape: waveform [batch, samples'], lengths' [batch].
    """

    def call(self, waveform, lengths=None, *, clip_id, copy):
        lengths = full_lengths(waveform, lengths)
        return effects.time_stretch(waveform, self.draw(clip_id, copy), lengths=lengths)
