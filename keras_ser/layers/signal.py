"""The base of all layers here, and the layers waveform [batch, samples] → waveform."""

import keras
import tensorflow as tf

from keras_ser.dsp import denoise, resample
from keras_ser.dsp.spectrum import clear_padding


class SignalLayer(keras.layers.Layer):
    """A layer without weights that computes in float32: half precision would ruin a spectrum's 80 dB of
    range.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.supports_jit = False  # XLA would compile anew for every length of a batch


def full_lengths(waveform, lengths):
    """``lengths``, or for None the length of the rows. → int32 [batch]."""
    return tf.fill(tf.shape(waveform)[:1], tf.shape(waveform)[1]) if lengths is None else lengths


@keras.saving.register_keras_serializable(package="keras_ser")
class Resample(SignalLayer):
    """Change the sample rate: :func:`keras_ser.dsp.resample.resample`.

    Args:
        orig_sr: Integer, rate of the input in Hz.
        target_sr: Integer, rate of the output in Hz.

    Input shape: waveform [batch, samples], lengths [batch].
    Output shape: waveform [batch, samples'], lengths' [batch].
    """

    def __init__(self, orig_sr, target_sr, **kwargs):
        super().__init__(**kwargs)
        self.orig_sr = orig_sr
        self.target_sr = target_sr

    def call(self, waveform, lengths=None):
        lengths = full_lengths(waveform, lengths)
        return resample.resample(waveform, orig_sr=self.orig_sr, target_sr=self.target_sr, lengths=lengths)

    def get_config(self):
        return {**super().get_config(), "orig_sr": self.orig_sr, "target_sr": self.target_sr}


@keras.saving.register_keras_serializable(package="keras_ser")
class Decimate(SignalLayer):
    """Every ``factor``-th sample after a low-pass, as torchaudio does it: :func:`keras_ser.dsp.resample.decimate`.

    Args:
        factor: Integer.

    Input shape: waveform [batch, samples], lengths [batch].
    Output shape: waveform [batch, samples'], lengths' [batch].
    """

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, waveform, lengths=None):
        return resample.decimate(waveform, self.factor, full_lengths(waveform, lengths))

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="keras_ser")
class FixSamples(SignalLayer):
    """Cut or zero-pad on the right.

    Args:
        n_samples: Integer, samples in the output.

    Input shape: waveform [batch, samples], lengths [batch].
    Output shape: waveform [batch, n_samples].
    """

    def __init__(self, n_samples, **kwargs):
        super().__init__(**kwargs)
        self.n_samples = n_samples

    def call(self, waveform, lengths=None):
        waveform = clear_padding(waveform, lengths)[:, : self.n_samples]
        waveform = tf.pad(waveform, [[0, 0], [0, self.n_samples - tf.shape(waveform)[1]]])
        return tf.ensure_shape(waveform, [None, self.n_samples])

    def get_config(self):
        return {**super().get_config(), "n_samples": self.n_samples}


@keras.saving.register_keras_serializable(package="keras_ser")
class Denoise(SignalLayer):
    """Spectral gating as ``noisereduce.reduce_noise`` does it by default:
    :func:`keras_ser.dsp.denoise.denoise`.

    Args:
        sample_rate: Integer, in Hz.

    Input shape: waveform [batch, samples], lengths [batch].
    Output shape: waveform [batch, samples].
    """

    def __init__(self, sample_rate, **kwargs):
        super().__init__(**kwargs)
        self.sample_rate = sample_rate

    def call(self, waveform, lengths=None):
        return denoise.denoise(waveform, sample_rate=self.sample_rate, lengths=lengths)

    def get_config(self):
        return {**super().get_config(), "sample_rate": self.sample_rate}
