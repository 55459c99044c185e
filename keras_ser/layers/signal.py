"""The base of all layers here, and the layers waveform [batch, samples] → waveform."""

import keras
import tensorflow as tf

from keras_ser.dsp import denoise, resample
from keras_ser.dsp.spectrum import clear_padding
from keras_ser.layers.contract import Checked, require, require_positive_integers


class SignalLayer(Checked, keras.layers.Layer):
    """A layer that computes in float32, whatever the global dtype policy: half precision would ruin a spectrum's 80 dB
    of range.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.supports_jit = False  # XLA would compile anew for every length of a batch


class LengthChangingLayer(SignalLayer):
    """A layer that makes clips longer or shorter: where it is given lengths it returns (waveform, lengths), without
    them the waveform alone.
    """

    def compute_output_spec(self, waveform, lengths=None, **others):
        changed = keras.KerasTensor(self.compute_output_shape(waveform.shape), dtype="float32")
        return changed if lengths is None else (changed, keras.KerasTensor(lengths.shape, dtype="int32"))


@keras.saving.register_keras_serializable(package="keras_ser")
class Resample(LengthChangingLayer):
    """Change the sample rate.

    A windowed sinc with the length that librosa gives the clip: :func:`keras_ser.dsp.resample.resample`.

    Args:
        orig_sr: Integer, rate of the input in Hz.
        target_sr: Integer, rate of the output in Hz.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        waveform [batch, ceil(samples * target_sr / orig_sr)]; where lengths were given, (waveform, lengths).

    Example:

    >>> waveform = keras.random.uniform((2, 48000), -1, 1)
    >>> Resample(48000, 16000)(waveform).shape
    TensorShape([2, 16000])

    References:
        J. O. Smith, "Digital Audio Resampling Home Page", 2002.
    """

    def __init__(self, orig_sr: int, target_sr: int, **kwargs):
        require_positive_integers(orig_sr=orig_sr, target_sr=target_sr)
        super().__init__(**kwargs)
        self.orig_sr = orig_sr
        self.target_sr = target_sr

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        rates = {"orig_sr": self.orig_sr, "target_sr": self.target_sr}
        resampled, resampled_lengths = resample.resample(waveform, lengths=lengths, **rates)
        return resampled if lengths is None else (resampled, resampled_lengths)

    def compute_output_shape(self, waveform_shape):
        batch, n_samples = waveform_shape
        return batch, None if n_samples is None else -(-n_samples * self.target_sr // self.orig_sr)

    def get_config(self):
        return {**super().get_config(), "orig_sr": self.orig_sr, "target_sr": self.target_sr}


@keras.saving.register_keras_serializable(package="keras_ser")
class Decimate(LengthChangingLayer):
    """Every ``factor``-th sample after a low-pass, as ``torchaudio.transforms.Resample(factor, 1)``.

    :func:`keras_ser.dsp.resample.decimate`: a short filter, faster than :class:`Resample` and less sharp.

    Args:
        factor: Integer, at least 1.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        waveform [batch, ceil(samples / factor)]; where lengths were given, (waveform, lengths).

    Example:

    >>> waveform = keras.random.uniform((2, 48000), -1, 1)
    >>> Decimate(10)(waveform).shape
    TensorShape([2, 4800])

    References:
        torchaudio, ``torchaudio.functional.resample``.
    """

    def __init__(self, factor: int, **kwargs):
        require_positive_integers(factor=factor)
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        decimated, decimated_lengths = resample.decimate(waveform, self.factor, lengths)
        return decimated if lengths is None else (decimated, decimated_lengths)

    def compute_output_shape(self, waveform_shape):
        batch, n_samples = waveform_shape
        return batch, None if n_samples is None else -(-n_samples // self.factor)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="keras_ser")
class FixSamples(SignalLayer):
    """Cut each clip to a number of samples, or pad it with zeros on the right.

    The lengths that it was given are right for what comes after it too: layers take no more of a row than is there.

    Args:
        n_samples: Integer, samples in the output.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        waveform [batch, n_samples].

    Example:

    >>> waveform = keras.random.uniform((2, 48000), -1, 1)
    >>> FixSamples(16000)(waveform).shape
    TensorShape([2, 16000])

    References:
        librosa 0.11, ``librosa.util.fix_length``.
    """

    def __init__(self, n_samples: int, **kwargs):
        require_positive_integers(n_samples=n_samples)
        super().__init__(**kwargs)
        self.n_samples = n_samples

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        waveform = clear_padding(waveform, lengths)[:, : self.n_samples]
        waveform = tf.pad(waveform, [[0, 0], [0, self.n_samples - tf.shape(waveform)[1]]])
        return tf.ensure_shape(waveform, [None, self.n_samples])

    def compute_output_shape(self, waveform_shape):
        return waveform_shape[0], self.n_samples

    def get_config(self):
        return {**super().get_config(), "n_samples": self.n_samples}


@keras.saving.register_keras_serializable(package="keras_ser")
class Denoise(SignalLayer):
    """Spectral gating as ``noisereduce.reduce_noise`` does it by default.

    :func:`keras_ser.dsp.denoise.denoise`. Silence stays silence.

    Args:
        sample_rate: Integer, in Hz, from 5120 to 256000: beyond, the gate's mask would be smoothed over less than one
            frame or bin.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        waveform [batch, samples].

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> Denoise(16000)(waveform).shape
    TensorShape([2, 16000])

    References:
        noisereduce 3.0, ``noisereduce.reduce_noise``; T. Sainburg, M. Thielk, T. Gentner, "Finding, visualizing, and
        quantifying latent structure across diverse animal vocal repertoires", 2020.
    """

    def __init__(self, sample_rate: int, **kwargs):
        require_positive_integers(sample_rate=sample_rate)
        rule = "`sample_rate` must be from 5120 to 256000 Hz"
        require(5120 <= sample_rate <= 256000, rule, sample_rate=sample_rate)
        super().__init__(**kwargs)
        self.sample_rate = sample_rate

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        return denoise.denoise(waveform, sample_rate=self.sample_rate, lengths=lengths)

    def compute_output_shape(self, waveform_shape):
        return waveform_shape

    def get_config(self):
        return {**super().get_config(), "sample_rate": self.sample_rate}
