"""Layers waveform [batch, samples] → features [batch, frames, features], and features → features."""

import keras
import tensorflow as tf

from keras_ser.dsp import cepstrum, contour, decibel, mel, scaling, shape
from keras_ser.dsp.spectrum import frame_mask
from keras_ser.layers.signal import SignalLayer


class MelLayer(SignalLayer):
    """The arguments of :func:`keras_ser.dsp.mel.mel_spectrogram`, with librosa's defaults.

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
    """

    def __init__(
        self,
        sample_rate,
        n_fft=2048,
        hop_length=512,
        n_mels=128,
        fmin=0.0,
        fmax=None,
        htk=False,
        norm="slaney",
        power=2.0,
        pad_mode="constant",
        **kwargs,
    ):
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

    def get_config(self):
        return {**super().get_config(), **self.mel_config()}


@keras.saving.register_keras_serializable(package="keras_ser")
class MelSpectrogram(MelLayer):
    """Mel spectrogram: :func:`keras_ser.dsp.mel.mel_spectrogram`.

    Args: see :class:`MelLayer`.

    Input shape: waveform [batch, samples], lengths [batch].
    Output shape: [batch, 1 + samples // hop_length, n_mels].
    """

    def call(self, waveform, lengths=None):
        return mel.mel_spectrogram(waveform, lengths=lengths, **self.mel_config())


@keras.saving.register_keras_serializable(package="keras_ser")
class MFCC(MelLayer):
    """Mel-frequency cepstral coefficients: :func:`keras_ser.dsp.cepstrum.mfcc`.

    Args:
        n_mfcc: Integer, number of coefficients. The others: see :class:`MelLayer`.

    Input shape: waveform [batch, samples], lengths [batch].
    Output shape: [batch, 1 + samples // hop_length, n_mfcc].
    """

    def __init__(self, sample_rate, n_mfcc=20, **kwargs):
        super().__init__(sample_rate, **kwargs)
        self.n_mfcc = n_mfcc

    def call(self, waveform, lengths=None):
        return cepstrum.mfcc(waveform, n_mfcc=self.n_mfcc, lengths=lengths, **self.mel_config())

    def get_config(self):
        return {**super().get_config(), "n_mfcc": self.n_mfcc}


@keras.saving.register_keras_serializable(package="keras_ser")
class MeanEnergy(SignalLayer):
    """Mean square of the samples of each clip: :func:`keras_ser.dsp.contour.mean_energy`.

    Input shape: waveform [batch, samples], lengths [batch].
    Output shape: [batch].
    """

    def call(self, waveform, lengths=None):
        return contour.mean_energy(waveform, lengths)


class ContourLayer(SignalLayer):
    """One value a frame.

    Args:
        frame_length: Integer, samples in a frame.
        hop_length: Integer, samples between the centres of successive frames.

    Input shape: waveform [batch, samples], lengths [batch].
    Output shape: [batch, frames, 1].
    """

    def __init__(self, frame_length=2048, hop_length=512, **kwargs):
        super().__init__(**kwargs)
        self.frame_length = frame_length
        self.hop_length = hop_length

    def frames(self):
        return {"frame_length": self.frame_length, "hop_length": self.hop_length}

    def get_config(self):
        return {**super().get_config(), **self.frames()}


@keras.saving.register_keras_serializable(package="keras_ser")
class RMS(ContourLayer):
    """Root of the mean square of each frame: :func:`keras_ser.dsp.contour.rms`. Args, shapes: :class:`ContourLayer`."""

    def call(self, waveform, lengths=None):
        return contour.rms(waveform, lengths=lengths, **self.frames())[..., None]


@keras.saving.register_keras_serializable(package="keras_ser")
class ZeroCrossingRate(ContourLayer):
    """Share of samples whose sign changes: :func:`keras_ser.dsp.contour.zero_crossing_rate`.

    Args, shapes: see :class:`ContourLayer`.
    """

    def call(self, waveform, lengths=None):
        return contour.zero_crossing_rate(waveform, lengths=lengths, **self.frames())[..., None]


@keras.saving.register_keras_serializable(package="keras_ser")
class SpectralCentroid(SignalLayer):
    """Mean frequency weighted by magnitude: :func:`keras_ser.dsp.shape.spectral_centroid`.

    Args:
        sample_rate: Integer, in Hz.
        n_fft: Integer, samples in a frame.
        hop_length: Integer, samples between the centres of successive frames.

    Input shape: waveform [batch, samples], lengths [batch].
    Output shape: [batch, frames, 1], in Hz.
    """

    def __init__(self, sample_rate, n_fft=2048, hop_length=512, **kwargs):
        super().__init__(**kwargs)
        self.sample_rate = sample_rate
        self.n_fft = n_fft
        self.hop_length = hop_length

    def call(self, waveform, lengths=None):
        frames = {"n_fft": self.n_fft, "hop_length": self.hop_length}
        return shape.spectral_centroid(waveform, sample_rate=self.sample_rate, lengths=lengths, **frames)[..., None]

    def get_config(self):
        config = {"sample_rate": self.sample_rate, "n_fft": self.n_fft, "hop_length": self.hop_length}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="keras_ser")
class BandShape(SignalLayer):
    """Centroid, bandwidth or energy of each band of a mel spectrogram: :func:`keras_ser.dsp.shape.band_shape`.

    Args: those of the function.

    Input shape: waveform [batch, samples], lengths [batch].
    Output shape: [batch, frames, bands].
    """

    def __init__(
        self, kind, sample_rate, n_fft, hop_length, n_mels, bands, unit, fmin=0.0, fmax=None, at_most=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.kind = kind
        self.sample_rate = sample_rate
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.bands = [list(band) for band in bands]
        self.unit = unit
        self.fmin = fmin
        self.fmax = fmax
        self.at_most = at_most

    def shape_config(self):
        names = "kind sample_rate n_fft hop_length n_mels bands unit fmin fmax at_most"
        return {name: getattr(self, name) for name in names.split()}

    def call(self, waveform, lengths=None):
        return shape.band_shape(waveform, lengths=lengths, **self.shape_config())

    def get_config(self):
        return {**super().get_config(), **self.shape_config()}


@keras.saving.register_keras_serializable(package="keras_ser")
class GreyPicture(SignalLayer):
    """Logarithm, spread over the 256 levels of an 8-bit picture from the clip's least to its greatest value.

    Args:
        floor: Float, added before the logarithm.

    Input shape: [batch, height, width].
    Output shape: [batch, height, width, 1], whole numbers from 0 to 255; a picture of one value is 0.

    Source: the spectral-features report, section 3.2.
    """

    def __init__(self, floor=1e-9, **kwargs):
        super().__init__(**kwargs)
        self.floor = floor

    def call(self, picture):
        return scaling.grey_levels(tf.math.log(picture + self.floor))[..., None]

    def get_config(self):
        return {**super().get_config(), "floor": self.floor}


@keras.saving.register_keras_serializable(package="keras_ser")
class ClipNormalization(SignalLayer):
    """Subtract from each clip its mean and divide by its standard deviation: :func:`keras_ser.dsp.scaling.standardize`.

    Input shape: waveform [batch, samples], lengths [batch].
    Output shape: the same.
    """

    def call(self, waveform, lengths=None):
        return scaling.standardize(waveform, lengths)


class FrameLayer(SignalLayer):
    """A layer on frames that lie ``hop_length`` samples apart, so that lengths in samples tell the padding.

    Args:
        hop_length: Integer, samples between the centres of successive frames.
    """

    def __init__(self, hop_length=512, **kwargs):
        super().__init__(**kwargs)
        self.hop_length = hop_length

    def mask(self, features, lengths):
        """Which frames belong to each clip; None for all. → bool [batch, frames]."""
        return None if lengths is None else frame_mask(lengths, self.hop_length, tf.shape(features)[1])

    def clear(self, features, lengths):
        """Zero the frames after the end of each clip. → [batch, frames, features]."""
        mask = self.mask(features, lengths)
        return features if mask is None else tf.where(mask[..., None], features, 0.0)

    def get_config(self):
        return {**super().get_config(), "hop_length": self.hop_length}


@keras.saving.register_keras_serializable(package="keras_ser")
class PowerToDecibel(FrameLayer):
    """Power → dB with the floor of each clip on its own: :func:`keras_ser.dsp.decibel.power_to_db`.

    Args:
        ref: Float, the power at 0 dB, or "max" for the clip's maximum.
        amin: Float, least power told apart from zero.
        top_db: Float, range below the clip's maximum in dB; None for no limit.
        hop_length: see :class:`FrameLayer`.

    Input shape: power [batch, frames, bands], lengths [batch].
    Output shape: [batch, frames, bands].
    """

    def __init__(self, ref=1.0, amin=1e-10, top_db=80.0, hop_length=512, **kwargs):
        super().__init__(hop_length, **kwargs)
        self.ref = ref
        self.amin = amin
        self.top_db = top_db

    def call(self, power, lengths=None):
        mask = self.mask(power, lengths)
        return decibel.power_to_db(power, ref=self.ref, amin=self.amin, top_db=self.top_db, mask=mask)

    def get_config(self):
        return {**super().get_config(), "ref": self.ref, "amin": self.amin, "top_db": self.top_db}


@keras.saving.register_keras_serializable(package="keras_ser")
class StackFeatures(FrameLayer):
    """Join features frame by frame; a value of the whole clip is repeated in each of its frames.

    Args: see :class:`FrameLayer`.

    Input shape: a list of [batch, frames, features] (at least one) and [batch]; lengths [batch].
    Output shape: [batch, frames, total features].
    """

    def call(self, features, lengths=None):
        frames = next(x for x in features if x.shape.rank == 3)
        ones = tf.ones_like(frames[..., :1])
        stack = tf.concat([x if x.shape.rank == 3 else x[:, None, None] * ones for x in features], axis=-1)
        return self.clear(stack, lengths)


@keras.saving.register_keras_serializable(package="keras_ser")
class PeakNormalization(FrameLayer):
    """Divide each feature by its largest magnitude in the clip: :func:`keras_ser.dsp.scaling.peak_normalize`.

    Args: see :class:`FrameLayer`.

    Input shape: features [batch, frames, features], lengths [batch].
    Output shape: the same, in [-1, 1].
    """

    def call(self, features, lengths=None):
        return scaling.peak_normalize(features, self.mask(features, lengths))


@keras.saving.register_keras_serializable(package="keras_ser")
class FixFrames(FrameLayer):
    """Cut or zero-pad on the right: :func:`keras_ser.dsp.scaling.fix_frames`.

    Args:
        n_frames: Integer, frames in the output.
        hop_length: see :class:`FrameLayer`.

    Input shape: features [batch, frames, features], lengths [batch].
    Output shape: [batch, n_frames, features].
    """

    def __init__(self, n_frames, hop_length=512, **kwargs):
        super().__init__(hop_length, **kwargs)
        self.n_frames = n_frames

    def call(self, features, lengths=None):
        return scaling.fix_frames(self.clear(features, lengths), self.n_frames)

    def get_config(self):
        return {**super().get_config(), "n_frames": self.n_frames}
