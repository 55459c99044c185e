"""Altered versions of clips. :class:`PitchShift` and :class:`TimeStretch` take their parameter as an input
(:func:`keras_ser.data.augmentation.draw`) and hold no random state, so a version can be made again on its own; the
``Random…`` layers and :class:`AddNoise` draw them while training, and do nothing otherwise.
"""

import keras
import tensorflow as tf

from keras_ser.dsp import effects
from keras_ser.dsp.spectrum import clear_padding, root
from keras_ser.layers.contract import (
    FEATURES,
    IMAGES,
    Checked,
    is_number,
    require,
    require_positive_integers,
    require_range,
    require_seed,
)
from keras_ser.layers.signal import LengthChangingLayer, SignalLayer


@keras.saving.register_keras_serializable(package="keras_ser")
class PitchShift(SignalLayer):
    """Shift the pitch of each clip, as ``librosa.effects.pitch_shift`` but for its resampler.

    :func:`keras_ser.dsp.effects.pitch_shift`.

    Args:
        sample_rate: Integer, in Hz.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch]; n_steps float32 [batch], in semitones.

    Output shape:
        waveform [batch, samples].

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> PitchShift(16000)(waveform, n_steps=keras.ops.array([-2.0, 2.0])).shape
    TensorShape([2, 16000])

    References:
        librosa 0.11, ``librosa.effects.pitch_shift``.
    """

    def __init__(self, sample_rate: int, **kwargs):
        require_positive_integers(sample_rate=sample_rate)
        super().__init__(**kwargs)
        self.sample_rate = sample_rate

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None, *, n_steps: tf.Tensor) -> tf.Tensor:
        return effects.pitch_shift(waveform, n_steps, sample_rate=self.sample_rate, lengths=lengths)

    def compute_output_shape(self, waveform_shape):
        return waveform_shape

    def get_config(self):
        return {**super().get_config(), "sample_rate": self.sample_rate}


@keras.saving.register_keras_serializable(package="keras_ser")
class TimeStretch(LengthChangingLayer):
    """Play each clip faster (rate > 1) or slower at the same pitch, numerically ``librosa.effects.time_stretch``.

    :func:`keras_ser.dsp.effects.time_stretch`.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch]; rate float32 [batch], taken to six decimals.

    Output shape:
        waveform [batch, longest of round(samples / rate)]; where lengths were given, (waveform, lengths).

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> TimeStretch()(waveform, rate=keras.ops.array([0.8, 1.25])).shape
    TensorShape([2, 20000])

    References:
        librosa 0.11, ``librosa.effects.time_stretch``.
    """

    def call(
        self, waveform: tf.Tensor, lengths: tf.Tensor | None = None, *, rate: tf.Tensor
    ) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        # A rate of 0.9 is not 0.9 in float32, and where a step of the vocoder should meet a frame it would miss it.
        rate = tf.round(tf.cast(rate, tf.float64) * 1e6) / 1e6
        stretched, stretched_lengths = effects.time_stretch(waveform, rate, lengths=lengths)
        return stretched if lengths is None else (stretched, stretched_lengths)

    def compute_output_shape(self, waveform_shape):
        return waveform_shape[0], None


@keras.saving.register_keras_serializable(package="keras_ser")
class RandomMasks(Checked, keras.layers.Layer):
    """While training, overwrite one band of rows and one of columns of each image by its mean.

    Args:
        height: Float, greatest height of the band of rows, as a share of the image's.
        width: Float, greatest width of the band of columns.
        seed: Integer, or None for one by chance.

    Input shape:
        [batch, height, width, channels].

    Output shape:
        The same.

    Example:

    >>> images = keras.random.uniform((2, 128, 80, 1))
    >>> RandomMasks(0.2, 0.2, seed=0)(images, training=True).shape
    TensorShape([2, 128, 80, 1])

    References:
        D. S. Park et al., "SpecAugment", 2019 (without the warping of time).
    """

    accepts = IMAGES

    def __init__(self, height: float, width: float, seed: int | None = None, **kwargs):
        for name, share in (("height", height), ("width", width)):
            require(is_number(share) and 0 <= share <= 1, f"`{name}` must be a share from 0 to 1", **{name: share})
        require_seed(seed)
        super().__init__(**kwargs)
        self.height = height
        self.width = width
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return images
        rows = self._band(keras.ops.shape(images)[0], keras.ops.shape(images)[1], self.height)
        columns = self._band(keras.ops.shape(images)[0], keras.ops.shape(images)[2], self.width)
        masked = keras.ops.logical_or(rows[:, :, None, None], columns[:, None, :, None])
        mean = keras.ops.mean(images, axis=(1, 2, 3), keepdims=True)
        return keras.ops.where(masked, mean, images)

    def _band(self, batch, size, share):
        """One band of each image: at most ``share`` of ``size`` wide, anywhere. → bool [batch, size]"""
        wide = keras.random.uniform((batch, 1), 0.0, share, "float32", self.generator)
        start = keras.random.uniform((batch, 1), 0.0, 1.0, "float32", self.generator) * (1.0 - wide)
        place = (keras.ops.arange(size, dtype="float32") + 0.5) / keras.ops.cast(size, "float32")
        return keras.ops.logical_and(place >= start, place < start + wide)

    def compute_output_shape(self, images_shape):
        return images_shape

    def get_config(self):
        return {**super().get_config(), "height": self.height, "width": self.width, "seed": self.seed}


class RandomLayer(SignalLayer):
    """A layer that alters clips while training; otherwise they pass as they are, with padding set to 0.

    What :class:`RandomWarp` and :class:`RandomTilt` take are frames, in which 0 throughout means padding.

    Args:
        seed: Integer, or None for one by chance.
    """

    def __init__(self, seed: int | None = None, **kwargs):
        require_seed(seed)
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def draw(self, waveform, low, high):
        """One number for each clip, evenly from ``low`` to ``high``. → float32 [batch]"""
        return keras.random.uniform((tf.shape(waveform)[0],), low, high, "float32", self.generator)

    def compute_output_shape(self, waveform_shape):
        return waveform_shape

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable(package="keras_ser")
class RandomPitchShift(RandomLayer):
    """While training, shift the pitch of each clip by a number of semitones drawn for it.

    :func:`keras_ser.dsp.effects.pitch_shift`: a clip keeps its length, at any sample rate.

    Args:
        n_steps: Pair (low, high), semitones.
        seed: Integer, or None for one by chance.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        waveform [batch, samples].

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> RandomPitchShift((-2, 2), seed=0)(waveform, training=True).shape
    TensorShape([2, 16000])

    References:
        librosa 0.11, ``librosa.effects.pitch_shift``.
    """

    def __init__(self, n_steps: tuple[float, float] = (-2.0, 2.0), seed: int | None = None, **kwargs):
        self.n_steps = require_range("n_steps", n_steps)
        super().__init__(seed, **kwargs)

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None, training: bool = False) -> tf.Tensor:
        if not training:
            return clear_padding(waveform, lengths)
        # librosa asks for the sample rate, but the result does not depend on it.
        return effects.pitch_shift(waveform, self.draw(waveform, *self.n_steps), sample_rate=None, lengths=lengths)

    def get_config(self):
        return {**super().get_config(), "n_steps": list(self.n_steps)}


@keras.saving.register_keras_serializable(package="keras_ser")
class RandomTimeStretch(RandomLayer, LengthChangingLayer):
    """While training, play each clip faster or slower at the same pitch, by a rate drawn for it.

    :func:`keras_ser.dsp.effects.time_stretch`. The row keeps its length: a clip that would become longer is cut, one
    that becomes shorter is followed by zeros.

    Args:
        rate: Pair (low, high), how many times faster, greater than 0.
        seed: Integer, or None for one by chance.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        waveform [batch, samples]; where lengths were given, (waveform, lengths).

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> RandomTimeStretch((0.8, 1.25), seed=0)(waveform, training=True).shape
    TensorShape([2, 16000])

    References:
        librosa 0.11, ``librosa.effects.time_stretch``.
    """

    def __init__(self, rate: tuple[float, float] = (0.8, 1.25), seed: int | None = None, **kwargs):
        self.rate = require_range("rate", rate, least=0)
        require(self.rate[0] > 0, "`rate` must be greater than 0", rate=rate)
        super().__init__(seed, **kwargs)

    def call(
        self, waveform: tf.Tensor, lengths: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        if training:
            n_samples = tf.shape(waveform)[1]
            rate = self.draw(waveform, *self.rate)
            stretched, stretched_lengths = effects.time_stretch(waveform, rate, lengths=lengths)
            stretched = stretched[:, :n_samples]
            stretched = tf.pad(stretched, [[0, 0], [0, n_samples - tf.shape(stretched)[1]]])
            stretched_lengths = tf.minimum(stretched_lengths, n_samples)
        else:
            stretched, stretched_lengths = clear_padding(waveform, lengths), lengths
        return stretched if lengths is None else (stretched, stretched_lengths)

    def get_config(self):
        return {**super().get_config(), "rate": list(self.rate)}


@keras.saving.register_keras_serializable(package="keras_ser")
class RandomGain(RandomLayer):
    """While training, make each clip louder or quieter by a gain drawn for it.

    Nothing is clipped: a loud clip may leave [-1, 1].

    Args:
        gain_db: Pair (low, high), in dB.
        seed: Integer, or None for one by chance.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        waveform [batch, samples].

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> RandomGain((-12, 0), seed=0)(waveform, training=True).shape
    TensorShape([2, 16000])
    """

    def __init__(self, gain_db: tuple[float, float] = (-6.0, 6.0), seed: int | None = None, **kwargs):
        self.gain_db = require_range("gain_db", gain_db)
        super().__init__(seed, **kwargs)

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None, training: bool = False) -> tf.Tensor:
        waveform = clear_padding(waveform, lengths)
        if not training:
            return waveform
        return waveform * tf.pow(10.0, self.draw(waveform, *self.gain_db) / 20.0)[:, None]

    def get_config(self):
        return {**super().get_config(), "gain_db": list(self.gain_db)}


@keras.saving.register_keras_serializable(package="keras_ser")
class AddNoise(RandomLayer):
    """While training, add white Gaussian noise to each clip at a signal-to-noise ratio drawn for it.

    The ratio is that of the powers over the clip's own samples, and holds exactly; silence stays silence.

    Args:
        snr_db: Pair (low, high), in dB.
        seed: Integer, or None for one by chance.

    Input shape:
        waveform [batch, samples]; optionally lengths [batch].

    Output shape:
        waveform [batch, samples].

    Example:

    >>> waveform = keras.random.uniform((2, 16000), -1, 1)
    >>> AddNoise((10, 30), seed=0)(waveform, training=True).shape
    TensorShape([2, 16000])
    """

    def __init__(self, snr_db: tuple[float, float] = (10.0, 30.0), seed: int | None = None, **kwargs):
        self.snr_db = require_range("snr_db", snr_db)
        super().__init__(seed, **kwargs)

    def call(self, waveform: tf.Tensor, lengths: tf.Tensor | None = None, training: bool = False) -> tf.Tensor:
        waveform = clear_padding(waveform, lengths)
        if not training:
            return waveform
        noise = clear_padding(keras.random.normal(tf.shape(waveform), dtype="float32", seed=self.generator), lengths)
        # The number of samples is the same for both, so energies do for powers.
        ratio = tf.math.divide_no_nan(*(tf.reduce_sum(tf.square(x), axis=1) for x in (waveform, noise)))
        scale = root(ratio * tf.pow(10.0, -self.draw(waveform, *self.snr_db) / 10.0))
        return waveform + scale[:, None] * noise

    def get_config(self):
        return {**super().get_config(), "snr_db": list(self.snr_db)}


@keras.saving.register_keras_serializable(package="keras_ser")
class RandomWarp(RandomLayer):
    """While training, take a piece of a spectrogram, played faster or slower and shifted in frequency.

    The spectrogram itself is resampled, linearly, along both axes: much cheaper than a time stretch and a pitch shift
    of the waveform. Frames in which every band is 0 are padding, and stand at the end.

    Args:
        n_frames: Integer, frames of the piece, which begins anywhere; a clip that is shorter is followed by zeros.
        rate: Pair (low, high), how many times faster, greater than 0.
        shift: Pair (low, high), how many bands higher.
        seed: Integer, or None for one by chance.

    Input shape:
        spectrogram [batch, frames, bands].

    Output shape:
        While training [batch, n_frames, bands], else the spectrogram.

    Example:

    >>> spectrogram = keras.random.normal((2, 200, 64))
    >>> RandomWarp(112, seed=0)(spectrogram, training=True).shape
    TensorShape([2, 112, 64])

    References:
        N. Jaitly, G. Hinton, "Vocal tract length perturbation improves speech recognition", 2013 (here a shift).
    """

    accepts = FEATURES

    def __init__(
        self,
        n_frames: int,
        rate: tuple[float, float] = (0.88, 1.12),
        shift: tuple[float, float] = (-2.0, 2.0),
        seed: int | None = None,
        **kwargs,
    ):
        require_positive_integers(n_frames=n_frames)
        self.n_frames = n_frames
        self.rate = require_range("rate", rate, least=0)
        require(self.rate[0] > 0, "`rate` must be greater than 0", rate=rate)
        self.shift = require_range("shift", shift)
        super().__init__(seed, **kwargs)

    def call(self, spectrogram: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return spectrogram
        own = tf.reduce_any(spectrogram != 0, axis=2)  # [batch, frames]
        length = tf.reduce_sum(tf.cast(own, tf.float32), axis=1, keepdims=True)  # [batch, 1]
        rate = self.draw(spectrogram, *self.rate)[:, None]
        warped = tf.round(length / rate)
        start = self.draw(spectrogram, 0.0, 1.0)[:, None] * tf.maximum(warped - self.n_frames, 0.0)
        frame = start + tf.range(self.n_frames, dtype=tf.float32)  # [batch, n_frames], of the warped clip
        piece = _between(spectrogram, frame * rate, length - 1.0, axis=1)
        band = tf.range(tf.shape(spectrogram)[2], dtype=tf.float32) - self.draw(spectrogram, *self.shift)[:, None]
        piece = _between(piece, band, tf.cast(tf.shape(spectrogram)[2] - 1, tf.float32), axis=2)
        return tf.where((frame < warped)[..., None], piece, 0.0)

    def compute_output_shape(self, spectrogram_shape):
        batch, frames, bands = spectrogram_shape
        return batch, frames if frames == self.n_frames else None, bands

    def get_config(self):
        config = {"n_frames": self.n_frames, "rate": list(self.rate), "shift": list(self.shift)}
        return {**super().get_config(), **config}


def _between(x, place, last, axis):
    """``x`` [batch, frames, bands] at the fractional places float32 [batch, n] of an axis, linearly; those outside
    [0, last] are at its ends.
    """
    place = tf.clip_by_value(place, 0.0, tf.maximum(last, 0.0))
    below = tf.floor(place)
    above = tf.minimum(below + 1.0, tf.maximum(last, 0.0))
    part = place - below
    if axis == 2:
        lower, upper = (_of_bands(x, tf.cast(index, tf.int32)) for index in (below, above))
        return lower + part[:, None] * (upper - lower)
    lower, upper = (tf.gather(x, tf.cast(index, tf.int32), axis=1, batch_dims=1) for index in (below, above))
    return lower + part[..., None] * (upper - lower)


def _of_bands(x, index):
    """``x`` [batch, frames, bands] at the bands ``index`` int32 [batch, n] of each clip. → [batch, frames, n]"""
    return tf.transpose(tf.gather(tf.transpose(x, [0, 2, 1]), index, axis=1, batch_dims=1), [0, 2, 1])


@keras.saving.register_keras_serializable(package="keras_ser")
class RandomTilt(RandomLayer):
    """While training, add to the logarithmic spectrogram of each clip a level and a slope over the bands.

    As a microphone that is nearer, louder, duller or sharper would. Frames in which every band is 0 are padding.

    Args:
        level: Float, standard deviation of the level, in units of the spectrogram.
        slope: Float, standard deviation of what is added to the highest band, and taken from the lowest.
        seed: Integer, or None for one by chance.

    Input shape:
        spectrogram [batch, frames, bands].

    Output shape:
        The same.

    Example:

    >>> spectrogram = keras.random.normal((2, 200, 64))
    >>> RandomTilt(0.1, 0.15, seed=0)(spectrogram, training=True).shape
    TensorShape([2, 200, 64])
    """

    accepts = FEATURES

    def __init__(self, level: float, slope: float, seed: int | None = None, **kwargs):
        for name, value in (("level", level), ("slope", slope)):
            require(is_number(value) and value >= 0, f"`{name}` must be a number of at least 0", **{name: value})
        super().__init__(seed, **kwargs)
        self.level = level
        self.slope = slope

    def call(self, spectrogram: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return spectrogram
        shape = 2, tf.shape(spectrogram)[0], 1, 1
        level, slope = tf.unstack(keras.random.normal(shape, dtype="float32", seed=self.generator))
        band = tf.linspace(-1.0, 1.0, tf.shape(spectrogram)[2])
        own = tf.reduce_any(spectrogram != 0, axis=2, keepdims=True)
        return tf.where(own, spectrogram + self.level * level + self.slope * slope * band, 0.0)

    def get_config(self):
        return {**super().get_config(), "level": self.level, "slope": self.slope}
