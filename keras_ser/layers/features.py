"""Layers waveform [batch, samples] → features [batch, frames, features], and features → features."""

from itertools import pairwise
from math import ceil, floor

import keras
import tensorflow as tf

from keras_ser.dsp import cepstrum, contour, decibel, deltas, mel, pitch, scaling, shape
from keras_ser.dsp.spectrum import frame_count, frame_mask
from keras_ser.layers.contract import (
    FEATURES,
    PLANE,
    check_input,
    is_number,
    require,
    require_band,
    require_positive_integers,
)
from keras_ser.layers.signal import SignalLayer


def row_frames(n_samples, hop_length):
    """Frames of a row of ``n_samples``; None where they are not known."""
    return None if n_samples is None else frame_count(n_samples, hop_length)


def _require_decibels(ref, amin, top_db):
    """Raises ValueError unless these are arguments of :func:`keras_ser.dsp.decibel.power_to_db`."""
    require(ref == "max" or (is_number(ref) and ref > 0), "`ref` must be a positive power or 'max'", ref=ref)
    rule = "`amin` must be a positive power, at least 1e-37: less is 0 in float32"
    require(is_number(amin) and amin >= 1e-37, rule, amin=amin)
    rule = "`top_db` must be None or a range in dB, at least 0"
    require(top_db is None or (is_number(top_db) and top_db >= 0), rule, top_db=top_db)


class MelLayer(SignalLayer):
    """A layer on a mel spectrogram: its arguments are those of :class:`MelSpectrogram`."""

    def __init__(
        self,
        sample_rate: int,
        n_fft: int = 2048,
        hop_length: int = 512,
        n_mels: int = 128,
        fmin: float = 0.0,
        fmax: float | None = None,
        htk: bool = False,
        norm: str | None = "slaney",
        power: float = 2.0,
        pad_mode: str = "constant",
        **kwargs,
    ):
        require_positive_integers(sample_rate=sample_rate, n_fft=n_fft, hop_length=hop_length, n_mels=n_mels)
        require_band(sample_rate, fmin, fmax)
        require(norm in ("slaney", None), "`norm` must be 'slaney' or None", norm=norm)
        require(is_number(power) and power > 0, "`power` must be a positive exponent", power=power)
        require(pad_mode in ("constant", "reflect"), "`pad_mode` must be 'constant' or 'reflect'", pad_mode=pad_mode)
        super().__init__(**kwargs)
        self.sample_rate = sample_rate
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.fmin = fmin
        self.fmax = fmax
        self.htk = htk
        self.norm = norm
        self.power = power
        self.pad_mode = pad_mode

    def mel_config(self):
        names = "sample_rate n_fft hop_length n_mels fmin fmax htk norm power pad_mode"
        return {name: getattr(self, name) for name in names.split()}

    def compute_output_shape(self, waveform_shape):
        batch, n_samples = waveform_shape
        return batch, row_frames(n_samples, self.hop_length), self.n_mels

    def get_config(self):
        return {**super().get_config(), **self.mel_config()}


@keras.saving.register_keras_serializable(package="keras_ser")
class MelSpectrogram(MelLayer):
    """Mel spectrogram, numerically ``librosa.feature.melspectrogram``.

    :func:`keras_ser.dsp.mel.mel_spectrogram`; the defaults are librosa's, ``htk=True, norm=None`` is torchaudio's.

    Args:
        sample_rate: Integer, in Hz.
        n_fft: Integer, samples in a frame.
        hop_length: Integer, samples between the centres of successive frames.
        n_mels: Integer, number of filters.
        fmin: Float, lower edge of the lowest filter in Hz.
        fmax: Float, upper edge of the highest; None for half the sample rate.
        htk: Boolean, HTK's mel scale instead of Slaney's.
        norm: "slaney" for filters of equal area, None for equal peaks.
        power: Float, exponent of the magnitude.
        pad_mode: String, how a clip goes on beyond its ends: "constant" (zeros) or "reflect".

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        [batch, 1 + samples // hop_length, n_mels].

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> MelSpectrogram(16000, n_mels=40)(waveform).shape
    TensorShape([2, 32, 40])

    References:
        librosa 0.11, ``librosa.feature.melspectrogram``.
    """

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        return mel.mel_spectrogram(waveform, lengths=lengths, **self.mel_config())


@keras.saving.register_keras_serializable(package="keras_ser")
class LogMel(MelLayer):
    """Mel spectrogram in dB, numerically ``librosa.power_to_db(librosa.feature.melspectrogram(…))`` of each clip.

    The same as :class:`MelSpectrogram` and :class:`PowerToDecibel` one after the other.

    Args:
        sample_rate: Integer, in Hz.
        ref: Float, the power at 0 dB, or "max" for the clip's maximum.
        amin: Float, least power told apart from zero.
        top_db: Float, range below the clip's maximum in dB; None for no limit.
        **kwargs: as for :class:`MelSpectrogram`.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        [batch, 1 + samples // hop_length, n_mels], in dB.

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> LogMel(16000, ref="max", n_mels=64)(waveform).shape
    TensorShape([2, 32, 64])

    References:
        librosa 0.11, ``librosa.feature.melspectrogram`` and ``librosa.power_to_db``.
    """

    def __init__(
        self,
        sample_rate: int,
        ref: float | str = 1.0,
        amin: float = 1e-10,
        top_db: float | None = 80.0,
        **kwargs,
    ):
        _require_decibels(ref, amin, top_db)
        super().__init__(sample_rate, **kwargs)
        self.ref = ref
        self.amin = amin
        self.top_db = top_db

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        power = mel.mel_spectrogram(waveform, lengths=lengths, **self.mel_config())
        mask = None if lengths is None else frame_mask(lengths, self.hop_length, tf.shape(power)[1])
        return decibel.power_to_db(power, ref=self.ref, amin=self.amin, top_db=self.top_db, mask=mask)

    def get_config(self):
        return {**super().get_config(), "ref": self.ref, "amin": self.amin, "top_db": self.top_db}


@keras.saving.register_keras_serializable(package="keras_ser")
class MFCC(MelLayer):
    """Mel-frequency cepstral coefficients, numerically ``librosa.feature.mfcc``.

    :func:`keras_ser.dsp.cepstrum.mfcc`. The padding of shorter clips is 0; :class:`FrameMask` tells a following LSTM.

    Args:
        sample_rate: Integer, in Hz.
        n_mfcc: Integer, number of coefficients, at most ``n_mels``.
        **kwargs: as for :class:`MelSpectrogram`.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        [batch, 1 + samples // hop_length, n_mfcc].

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> MFCC(16000, n_mfcc=13)(waveform).shape
    TensorShape([2, 32, 13])

    References:
        librosa 0.11, ``librosa.feature.mfcc``.
    """

    def __init__(self, sample_rate: int, n_mfcc: int = 20, **kwargs):
        super().__init__(sample_rate, **kwargs)
        require_positive_integers(n_mfcc=n_mfcc)
        rule = "`n_mfcc` must be at most `n_mels`"
        require(n_mfcc <= self.n_mels, rule, n_mfcc=n_mfcc, n_mels=self.n_mels)
        self.n_mfcc = n_mfcc

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        return cepstrum.mfcc(waveform, n_mfcc=self.n_mfcc, lengths=lengths, **self.mel_config())

    def compute_output_shape(self, waveform_shape):
        return (*super().compute_output_shape(waveform_shape)[:2], self.n_mfcc)

    def get_config(self):
        return {**super().get_config(), "n_mfcc": self.n_mfcc}


@keras.saving.register_keras_serializable(package="keras_ser")
class MeanEnergy(SignalLayer):
    """Mean square of the samples of each clip.

    :func:`keras_ser.dsp.contour.mean_energy`.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        [batch].

    Example:

    >>> MeanEnergy()(keras.ops.ones((2, 16000)))
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([1., 1.], dtype=float32)>
    """

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        return contour.mean_energy(waveform, lengths)

    def compute_output_shape(self, waveform_shape):
        return waveform_shape[:1]


class ContourLayer(SignalLayer):
    """One value per frame.

    Args:
        frame_length: Integer, samples in a frame.
        hop_length: Integer, samples between the centres of successive frames.
    """

    def __init__(self, frame_length: int = 2048, hop_length: int = 512, **kwargs):
        require_positive_integers(frame_length=frame_length, hop_length=hop_length)
        super().__init__(**kwargs)
        self.frame_length = frame_length
        self.hop_length = hop_length

    def frames(self):
        return {"frame_length": self.frame_length, "hop_length": self.hop_length}

    def compute_output_shape(self, waveform_shape):
        batch, n_samples = waveform_shape
        return batch, row_frames(n_samples, self.hop_length), 1

    def get_config(self):
        return {**super().get_config(), **self.frames()}


@keras.saving.register_keras_serializable(package="keras_ser")
class RMS(ContourLayer):
    """Root of the mean square of each frame, numerically ``librosa.feature.rms``.

    :func:`keras_ser.dsp.contour.rms`.

    Args:
        frame_length: Integer, samples in a frame.
        hop_length: Integer, samples between the centres of successive frames.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        [batch, 1 + samples // hop_length, 1].

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> RMS()(waveform).shape
    TensorShape([2, 32, 1])

    References:
        librosa 0.11, ``librosa.feature.rms``.
    """

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        return contour.rms(waveform, lengths=lengths, **self.frames())[..., None]


@keras.saving.register_keras_serializable(package="keras_ser")
class ZeroCrossingRate(ContourLayer):
    """Share of the samples of each frame whose sign changes, numerically ``librosa.feature.zero_crossing_rate``.

    :func:`keras_ser.dsp.contour.zero_crossing_rate`.

    Args:
        frame_length: Integer, samples in a frame.
        hop_length: Integer, samples between the centres of successive frames.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        [batch, 1 + samples // hop_length, 1].

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> ZeroCrossingRate()(waveform).shape
    TensorShape([2, 32, 1])

    References:
        librosa 0.11, ``librosa.feature.zero_crossing_rate``.
    """

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        return contour.zero_crossing_rate(waveform, lengths=lengths, **self.frames())[..., None]


@keras.saving.register_keras_serializable(package="keras_ser")
class YIN(ContourLayer):
    """Fundamental frequency of each frame, numerically ``librosa.yin``.

    :func:`keras_ser.dsp.pitch.yin`. Every frame gets an estimate, voiced or not.

    Args:
        sample_rate: Integer, in Hz.
        fmin: Float, lowest frequency in Hz; one period of it must fit in a frame.
        fmax: Float, highest frequency in Hz.
        frame_length: Integer, samples in a frame.
        hop_length: Integer, samples between the centres of successive frames.
        trough_threshold: Float, depth from which a minimum of the normalised difference counts as a period.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        [batch, 1 + samples // hop_length, 1], in Hz.

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> YIN(16000, fmin=65, fmax=400)(waveform).shape
    TensorShape([2, 32, 1])

    References:
        librosa 0.11, ``librosa.yin``; A. de Cheveigné, H. Kawahara, "YIN, a fundamental frequency estimator for speech
        and music", 2002.
    """

    def __init__(
        self,
        sample_rate: int,
        fmin: float = 65.0,
        fmax: float = 500.0,
        frame_length: int = 2048,
        hop_length: int = 512,
        trough_threshold: float = 0.1,
        **kwargs,
    ):
        super().__init__(frame_length, hop_length, **kwargs)
        require_positive_integers(sample_rate=sample_rate)
        require(is_number(fmax), "`fmax` must be a frequency in Hz", fmax=fmax)
        require_band(sample_rate, fmin, fmax)
        received = {"fmin": fmin, "frame_length": frame_length, "sample_rate": sample_rate}
        fits = fmin > 0 and ceil(sample_rate / fmin) < frame_length
        require(fits, "`frame_length` must be more than `sample_rate` / `fmin`, a period in samples", **received)
        apart = ceil(sample_rate / fmin) - floor(sample_rate / fmax) >= 2
        require(apart, "the periods of `fmin` and `fmax` must be two samples apart, or more", fmin=fmin, fmax=fmax)
        holds = is_number(trough_threshold) and trough_threshold > 0
        require(holds, "`trough_threshold` must be positive", trough_threshold=trough_threshold)
        self.sample_rate = sample_rate
        self.fmin = fmin
        self.fmax = fmax
        self.trough_threshold = trough_threshold

    def yin_config(self):
        names = "sample_rate fmin fmax trough_threshold"
        return {name: getattr(self, name) for name in names.split()}

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        return pitch.yin(waveform, lengths=lengths, **self.frames(), **self.yin_config())[..., None]

    def get_config(self):
        return {**super().get_config(), **self.yin_config()}


@keras.saving.register_keras_serializable(package="keras_ser")
class SpectralCentroid(SignalLayer):
    """Mean frequency of each frame weighted by magnitude, numerically ``librosa.feature.spectral_centroid``.

    :func:`keras_ser.dsp.shape.spectral_centroid`; 0 where there is no sound.

    Args:
        sample_rate: Integer, in Hz.
        n_fft: Integer, samples in a frame.
        hop_length: Integer, samples between the centres of successive frames.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        [batch, 1 + samples // hop_length, 1], in Hz.

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> SpectralCentroid(16000)(waveform).shape
    TensorShape([2, 32, 1])

    References:
        librosa 0.11, ``librosa.feature.spectral_centroid``.
    """

    def __init__(self, sample_rate: int, n_fft: int = 2048, hop_length: int = 512, **kwargs):
        require_positive_integers(sample_rate=sample_rate, n_fft=n_fft, hop_length=hop_length)
        super().__init__(**kwargs)
        self.sample_rate = sample_rate
        self.n_fft = n_fft
        self.hop_length = hop_length

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        frames = {"n_fft": self.n_fft, "hop_length": self.hop_length}
        return shape.spectral_centroid(waveform, sample_rate=self.sample_rate, lengths=lengths, **frames)[..., None]

    def compute_output_shape(self, waveform_shape):
        batch, n_samples = waveform_shape
        return batch, row_frames(n_samples, self.hop_length), 1

    def get_config(self):
        config = {"sample_rate": self.sample_rate, "n_fft": self.n_fft, "hop_length": self.hop_length}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="keras_ser")
class BandShape(SignalLayer):
    """Centroid, bandwidth or energy of each band of a mel spectrogram.

    :func:`keras_ser.dsp.shape.band_shape`.

    Args:
        kind: String, "centroid", "bandwidth", "deviation", "energy" or "raw_energy".
        sample_rate: Integer, in Hz.
        n_fft: Integer, samples in a frame.
        hop_length: Integer, samples between the centres of successive frames.
        n_mels: Integer, number of filters.
        bands: List of pairs (first, last) of positions, both included.
        unit: String, what positions are: "rows" of the mel spectrogram, or "hertz".
        fmin: Float, lower edge of the lowest filter in Hz.
        fmax: Float, upper edge of the highest; None for half the sample rate.
        at_most: Integer, no more frames than this are computed; None for all.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        [batch, frames, bands].

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> BandShape("energy", 16000, 2048, 512, 100, [(0, 49), (50, 99)], "rows")(waveform).shape
    TensorShape([2, 32, 2])

    References:
        The spectral-features report, section 1.
    """

    def __init__(
        self,
        kind: str,
        sample_rate: int,
        n_fft: int,
        hop_length: int,
        n_mels: int,
        bands: list[tuple[float, float]],
        unit: str,
        fmin: float = 0.0,
        fmax: float | None = None,
        at_most: int | None = None,
        **kwargs,
    ):
        require(kind in shape.BAND_SHAPES, f"`kind` must be one of {shape.BAND_SHAPES}", kind=kind)
        require_positive_integers(sample_rate=sample_rate, n_fft=n_fft, hop_length=hop_length, n_mels=n_mels)
        require(unit in ("rows", "hertz"), "`unit` must be 'rows' or 'hertz'", unit=unit)
        bands = [list(band) for band in bands]
        ordered = all(len(band) == 2 and band[0] < band[1] for band in bands)
        require(bands and ordered, "`bands` must be pairs (first, last) with first < last", bands=bands)
        apart = all(band[1] <= following[0] for band, following in pairwise(bands))
        require(unit == "rows" or apart, "`bands` in hertz must follow one another", unit=unit, bands=bands)
        require_band(sample_rate, fmin, fmax)
        if at_most is not None:
            require_positive_integers(at_most=at_most)
        super().__init__(**kwargs)
        self.kind = kind
        self.sample_rate = sample_rate
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.bands = bands
        self.unit = unit
        self.fmin = fmin
        self.fmax = fmax
        self.at_most = at_most

    def shape_config(self):
        names = "kind sample_rate n_fft hop_length n_mels bands unit fmin fmax at_most"
        return {name: getattr(self, name) for name in names.split()}

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        return shape.band_shape(waveform, lengths=lengths, **self.shape_config())

    def compute_output_shape(self, waveform_shape):
        batch, n_samples = waveform_shape
        n_frames = row_frames(n_samples, self.hop_length)
        cut = n_frames is not None and self.at_most is not None
        return batch, min(n_frames, self.at_most) if cut else n_frames, len(self.bands)

    def get_config(self):
        return {**super().get_config(), **self.shape_config()}


@keras.saving.register_keras_serializable(package="keras_ser")
class GreyImage(SignalLayer):
    """Logarithm, spread over the 256 levels of an 8-bit image from the clip's least to its greatest value.

    An image of one value becomes 0.

    Args:
        floor: Float, added before the logarithm.

    Input shape:
        [batch, height, width].

    Output shape:
        [batch, height, width, 1], whole numbers from 0 to 255.

    Example:

    >>> GreyImage()(keras.random.uniform((2, 128, 80))).shape
    TensorShape([2, 128, 80, 1])

    References:
        The spectral-features report, section 3.2.
    """

    accepts = PLANE

    def __init__(self, floor: float = 1e-9, **kwargs):
        require(is_number(floor) and floor > 0, "`floor` must be positive", floor=floor)
        super().__init__(**kwargs)
        self.floor = floor

    def call(self, image: tf.Tensor) -> tf.Tensor:
        return scaling.grey_levels(tf.math.log(image + self.floor))[..., None]

    def compute_output_shape(self, image_shape):
        return (*image_shape, 1)

    def get_config(self):
        return {**super().get_config(), "floor": self.floor}


@keras.saving.register_keras_serializable(package="keras_ser")
class ClipNormalization(SignalLayer):
    """Subtract from each clip its mean and divide by its standard deviation.

    :func:`keras_ser.dsp.scaling.standardize`; a constant clip becomes 0.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        The same.

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> ClipNormalization()(waveform).shape
    TensorShape([2, 16000])
    """

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        return scaling.standardize(waveform, lengths)

    def compute_output_shape(self, waveform_shape):
        return waveform_shape


class FrameLayer(SignalLayer):
    """A layer on frames that lie ``hop_length`` samples apart, so that lengths in samples tell the padding.

    A Keras mask on its input goes on to its output.

    Args:
        hop_length: Integer, samples between the centres of successive frames.
    """

    accepts = FEATURES

    def __init__(self, hop_length: int = 512, **kwargs):
        require_positive_integers(hop_length=hop_length)
        super().__init__(**kwargs)
        self.hop_length = hop_length
        self.supports_masking = True

    def mask(self, features, lengths):
        """Which frames belong to each clip; None for all. → bool [batch, frames]."""
        return None if lengths is None else frame_mask(lengths, self.hop_length, tf.shape(features)[1])

    def clear(self, features, lengths):
        """Zero the frames after the end of each clip. → [batch, frames, features]."""
        mask = self.mask(features, lengths)
        return features if mask is None else tf.where(mask[..., None], features, 0.0)

    def compute_output_shape(self, features_shape):
        return features_shape

    def get_config(self):
        return {**super().get_config(), "hop_length": self.hop_length}


@keras.saving.register_keras_serializable(package="keras_ser")
class FrameMask(FrameLayer):
    """Which frames belong to each clip: the mask for an LSTM, or any layer that takes ``mask``.

    No layer here attaches a mask by itself: a network trained on padded features would compute something else as soon
    as its front end stood in the same model. A Keras layer's ``compute_mask`` sees its first input alone, not the
    lengths; so the mask is asked for, and handed on.

    Args:
        hop_length: Integer, samples between the centres of successive frames.

    Input shape:
        features [batch, frames, features]; lengths [batch], in samples; without lengths, all frames belong.

    Output shape:
        bool [batch, frames], True for a clip's own frames.

    Example:

    >>> waveform, lengths = keras.Input((None,)), keras.Input((), dtype="int32")
    >>> mfcc = MFCC(16000)(waveform, lengths)
    >>> state = keras.layers.LSTM(8)(mfcc, mask=FrameMask()(mfcc, lengths))
    >>> keras.Model([waveform, lengths], state).output_shape
    (None, 8)
    """

    def call(self, features: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        everywhere = tf.ones(tf.shape(features)[:2], tf.bool)
        mask = self.mask(features, lengths)
        return everywhere if mask is None else mask

    def compute_output_shape(self, features_shape):
        return features_shape[:2]

    def compute_output_spec(self, features, lengths=None):
        return keras.KerasTensor(self.compute_output_shape(features.shape), dtype="bool")

    def compute_mask(self, inputs, previous_mask):
        return None


@keras.saving.register_keras_serializable(package="keras_ser")
class PowerToDecibel(FrameLayer):
    """Power → dB, with the floor of each clip on its own, numerically ``librosa.power_to_db``.

    :func:`keras_ser.dsp.decibel.power_to_db`.

    Args:
        ref: Float, the power at 0 dB, or "max" for the clip's maximum.
        amin: Float, least power told apart from zero.
        top_db: Float, range below the clip's maximum in dB; None for no limit.
        hop_length: Integer, samples between the centres of successive frames.

    Input shape:
        power [batch, frames, bands]; optionally lengths [batch], in samples.

    Output shape:
        [batch, frames, bands], in dB.

    Example:

    >>> power = keras.random.uniform((2, 32, 40))
    >>> PowerToDecibel(ref="max")(power).shape
    TensorShape([2, 32, 40])

    References:
        librosa 0.11, ``librosa.power_to_db``.
    """

    def __init__(
        self,
        ref: float | str = 1.0,
        amin: float = 1e-10,
        top_db: float | None = 80.0,
        hop_length: int = 512,
        **kwargs,
    ):
        _require_decibels(ref, amin, top_db)
        super().__init__(hop_length, **kwargs)
        self.ref = ref
        self.amin = amin
        self.top_db = top_db

    def call(self, power: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        mask = self.mask(power, lengths)
        return decibel.power_to_db(power, ref=self.ref, amin=self.amin, top_db=self.top_db, mask=mask)

    def get_config(self):
        return {**super().get_config(), "ref": self.ref, "amin": self.amin, "top_db": self.top_db}


@keras.saving.register_keras_serializable(package="keras_ser")
class Deltas(FrameLayer):
    """Local slope of each feature over time, numerically ``librosa.feature.delta``.

    :func:`keras_ser.dsp.deltas.deltas`. With "interp", clips of fewer than ``width`` frames, which librosa refuses, are
    taken as with "nearest".

    Args:
        width: Integer, frames of a window: odd, at least 3.
        order: Integer, of the derivative, less than ``width``.
        mode: String, how a clip goes on beyond its ends: "interp", "nearest", "mirror", "constant" or "wrap".
        hop_length: Integer, samples between the centres of successive frames.

    Input shape:
        features [batch, frames, features]; optionally lengths [batch], in samples.

    Output shape:
        The same.

    Example:

    >>> mfcc = MFCC(16000)(keras.random.uniform((2, 16000), -1, 1))
    >>> StackFeatures()([mfcc, Deltas()(mfcc), Deltas(order=2)(mfcc)]).shape
    TensorShape([2, 32, 60])

    References:
        librosa 0.11, ``librosa.feature.delta``.
    """

    def __init__(self, width: int = 9, order: int = 1, mode: str = "interp", hop_length: int = 512, **kwargs):
        require_positive_integers(width=width, order=order)
        require(width >= 3 and width % 2 == 1, "`width` must be odd, at least 3", width=width)
        require(order < width, "`order` must be less than `width`", order=order, width=width)
        require(mode in deltas.MODES, f"`mode` must be one of {deltas.MODES}", mode=mode)
        super().__init__(hop_length, **kwargs)
        self.width = width
        self.order = order
        self.mode = mode

    def call(self, features: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        n_frames = None if lengths is None else frame_count(lengths, self.hop_length)
        return deltas.deltas(features, width=self.width, order=self.order, mode=self.mode, n_frames=n_frames)

    def get_config(self):
        return {**super().get_config(), "width": self.width, "order": self.order, "mode": self.mode}


@keras.saving.register_keras_serializable(package="keras_ser")
class StackFeatures(FrameLayer):
    """Join features frame by frame; a value of the whole clip is repeated in each of its frames.

    Args:
        hop_length: Integer, samples between the centres of successive frames.

    Input shape:
        A list of [batch, frames, features] (at least one) and [batch]; optionally lengths [batch], in samples.

    Output shape:
        [batch, frames, total features].

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> StackFeatures()([MFCC(16000)(waveform), MeanEnergy()(waveform)]).shape
    TensorShape([2, 32, 21])
    """

    def check(self, name, x):
        rule = f"`{name}` must be a list of float32 {FEATURES.axes} (at least one) and [batch]"
        is_list = isinstance(x, (list, tuple)) and all(hasattr(part, "shape") for part in x)
        require(is_list, rule, **{name: x})
        ranks = [len(part.shape) for part in x]
        require(3 in ranks and set(ranks) <= {1, 3}, rule, shapes=[tuple(part.shape) for part in x])
        for i, part in enumerate(x):
            kind = FEATURES if ranks[i] == 3 else FEATURES._replace(axes="[batch]", rank=1)
            check_input(f"{name}[{i}]", part, kind)

    def call(self, features: list[tf.Tensor], lengths: tf.Tensor | None = None) -> tf.Tensor:
        frames = next(x for x in features if x.shape.rank == 3)
        ones = tf.ones_like(frames[..., :1])
        stack = tf.concat([x if x.shape.rank == 3 else x[:, None, None] * ones for x in features], axis=-1)
        return self.clear(stack, lengths)

    def compute_output_shape(self, features_shape):
        of_frames = [part for part in features_shape if len(part) == 3]
        batch = next((part[0] for part in features_shape if part[0] is not None), None)
        n_frames = next((part[1] for part in of_frames if part[1] is not None), None)
        counts = [part[2] if len(part) == 3 else 1 for part in features_shape]
        return batch, n_frames, None if None in counts else sum(counts)

    def compute_mask(self, inputs, previous_mask):
        masks = previous_mask if isinstance(previous_mask, (list, tuple)) else [previous_mask]
        return next((mask for mask in masks if mask is not None), None)


@keras.saving.register_keras_serializable(package="keras_ser")
class PeakNormalization(FrameLayer):
    """Divide each feature by its largest magnitude in the clip, numerically ``librosa.util.normalize(axis=time)``.

    :func:`keras_ser.dsp.scaling.peak_normalize`.

    Args:
        hop_length: Integer, samples between the centres of successive frames.

    Input shape:
        features [batch, frames, features]; optionally lengths [batch], in samples.

    Output shape:
        The same, in [-1, 1].

    Example:

    >>> features = keras.random.normal((2, 32, 13))
    >>> PeakNormalization()(features).shape
    TensorShape([2, 32, 13])

    References:
        librosa 0.11, ``librosa.util.normalize``.
    """

    def call(self, features: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        return scaling.peak_normalize(features, self.mask(features, lengths))


@keras.saving.register_keras_serializable(package="keras_ser")
class FixFrames(FrameLayer):
    """Cut features to a number of frames, or pad them with zeros on the right.

    :func:`keras_ser.dsp.scaling.fix_frames`.

    Args:
        n_frames: Integer, frames in the output.
        hop_length: Integer, samples between the centres of successive frames.

    Input shape:
        features [batch, frames, features]; optionally lengths [batch], in samples.

    Output shape:
        [batch, n_frames, features].

    Example:

    >>> features = keras.random.normal((2, 32, 13))
    >>> FixFrames(150)(features).shape
    TensorShape([2, 150, 13])

    References:
        librosa 0.11, ``librosa.util.fix_length``.
    """

    def __init__(self, n_frames: int, hop_length: int = 512, **kwargs):
        require_positive_integers(n_frames=n_frames)
        super().__init__(hop_length, **kwargs)
        self.n_frames = n_frames

    def call(self, features: tf.Tensor, lengths: tf.Tensor | None = None) -> tf.Tensor:
        return scaling.fix_frames(self.clear(features, lengths), self.n_frames)

    def compute_output_shape(self, features_shape):
        return features_shape[0], self.n_frames, features_shape[2]

    def compute_mask(self, inputs, previous_mask):
        if previous_mask is None:
            return None
        none_more = keras.ops.repeat(keras.ops.zeros_like(previous_mask[:, :1]), self.n_frames, axis=1)
        return keras.ops.concatenate([previous_mask, none_more], axis=1)[:, : self.n_frames]

    def get_config(self):
        return {**super().get_config(), "n_frames": self.n_frames}
