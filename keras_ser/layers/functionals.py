"""Layers that say of a whole clip what its frames are like: descriptors of frames, and functionals over them."""

import keras
import tensorflow as tf

from keras_ser.dsp import descriptors, functionals
from keras_ser.dsp.spectrum import frame_count
from keras_ser.layers.contract import require, require_band, require_positive_integers
from keras_ser.layers.features import FrameLayer, row_frames
from keras_ser.layers.signal import SignalLayer


@keras.saving.register_keras_serializable(package="keras_ser")
class Descriptors(SignalLayer):
    """Logarithmic mel powers, energy, shape of the spectrum, pitch and voicing of each frame.

    :func:`keras_ser.dsp.descriptors.descriptors`: ``n_mels`` mel powers, then what
    ``keras_ser.dsp.descriptors.DESCRIPTORS`` names.

    Args:
        sample_rate: Integer, in Hz, a multiple of 8000.
        n_fft: Integer, samples in a frame.
        hop_length: Integer, samples between the centres of successive frames; a multiple of ``sample_rate`` / 8000.
        n_mels: Integer, number of mel bands.
        fmin: Float, lowest frequency of the bands in Hz.
        fmax: Float, highest frequency of the bands in Hz.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        [batch, 1 + samples // hop_length, n_mels + 11].

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> Descriptors(16000)(waveform).shape
    TensorShape([2, 101, 75])

    References:
        F. Eyben, M. Wöllmer, B. Schuller, "openSMILE", 2010.
    """

    def __init__(
        self,
        sample_rate: int,
        n_fft: int = 512,
        hop_length: int = 160,
        n_mels: int = 64,
        fmin: float = 50.0,
        fmax: float = 7600.0,
        **kwargs,
    ):
        require_positive_integers(sample_rate=sample_rate, n_fft=n_fft, hop_length=hop_length, n_mels=n_mels)
        pitch_rate = descriptors.PITCH_RATE
        require(
            sample_rate % pitch_rate == 0, f"`sample_rate` must be a multiple of {pitch_rate}", sample_rate=sample_rate
        )
        rule = f"`hop_length` must be a multiple of `sample_rate` / {pitch_rate}"
        require(hop_length % (sample_rate // pitch_rate) == 0, rule, hop_length=hop_length, sample_rate=sample_rate)
        require_band(sample_rate, fmin, fmax)
        super().__init__(**kwargs)
        self.sample_rate = sample_rate
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.fmin = fmin
        self.fmax = fmax

    def config(self):
        return {name: getattr(self, name) for name in ("sample_rate", "n_fft", "hop_length", "n_mels", "fmin", "fmax")}

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        return descriptors.descriptors(waveform, lengths=lengths, **self.config())

    def compute_output_shape(self, waveform_shape):
        batch, n_samples = waveform_shape
        return batch, row_frames(n_samples, self.hop_length), self.n_mels + len(descriptors.DESCRIPTORS)

    def get_config(self):
        return {**super().get_config(), **self.config()}


@keras.saving.register_keras_serializable(package="keras_ser")
class Functionals(FrameLayer):
    """What :class:`Descriptors` say of a whole clip: statistics, voice, modulation.

    :func:`keras_ser.dsp.functionals.of_speech`. The numbers are of very different sizes: a standardisation
    (``keras.layers.Normalization``) belongs after them.

    Args:
        n_mels: Integer, an even number: the mel bands of the descriptors.
        hop_length: Integer, samples between the centres of successive frames.

    Input shape:
        descriptors [batch, frames, n_mels + 11]; optionally lengths [batch], in samples.

    Output shape:
        [batch, numbers], 2855 of 64 bands.

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> Functionals()(Descriptors(16000)(waveform)).shape
    TensorShape([2, 2855])

    References:
        B. Schuller et al., "The INTERSPEECH 2013 computational paralinguistics challenge", 2013.
    """

    def __init__(self, n_mels: int = 64, hop_length: int = 160, **kwargs):
        require_positive_integers(n_mels=n_mels)
        require(
            n_mels % 2 == 0 and n_mels >= functionals.N_CEPSTRA, "`n_mels` must be even, at least 20", n_mels=n_mels
        )
        super().__init__(hop_length, **kwargs)
        self.n_mels = n_mels

    def call(self, features: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        n_frames = None if lengths is None else frame_count(lengths, self.hop_length)
        return functionals.of_speech(features, self.n_mels, n_frames)

    def compute_output_shape(self, features_shape):
        return features_shape[0], functionals.size(self.n_mels)

    def compute_mask(self, inputs, previous_mask):
        return None

    def get_config(self):
        return {**super().get_config(), "n_mels": self.n_mels}
