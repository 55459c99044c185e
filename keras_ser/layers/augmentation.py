"""Altered copies of clips, by amounts that the caller has drawn (:func:`keras_ser.data.augmentation.draw`): the layers
hold no random state, so a copy can be made again on its own."""

import keras

from keras_ser.dsp import effects
from keras_ser.layers.signal import SignalLayer, full_lengths


@keras.saving.register_keras_serializable(package="keras_ser")
class PitchShift(SignalLayer):
    """Shift the pitch of each clip: :func:`keras_ser.dsp.effects.pitch_shift`.

    Args:
        sample_rate: Integer, in Hz.

    Input shape: waveform [batch, samples], lengths [batch], n_steps [batch] in semitones.
    Output shape: waveform [batch, samples].
    """

    def __init__(self, sample_rate, **kwargs):
        super().__init__(**kwargs)
        self.sample_rate = sample_rate

    def call(self, waveform, lengths=None, *, n_steps):
        return effects.pitch_shift(waveform, n_steps, sample_rate=self.sample_rate, lengths=lengths)

    def get_config(self):
        return {**super().get_config(), "sample_rate": self.sample_rate}


@keras.saving.register_keras_serializable(package="keras_ser")
class TimeStretch(SignalLayer):
    """Play each clip faster (rate > 1) or slower at the same pitch: :func:`keras_ser.dsp.effects.time_stretch`.

    Input shape: waveform [batch, samples], lengths [batch], rate [batch].
    Output shape: waveform [batch, samples'], lengths' [batch].
    """

    def call(self, waveform, lengths=None, *, rate):
        return effects.time_stretch(waveform, rate, lengths=full_lengths(waveform, lengths))


@keras.saving.register_keras_serializable(package="keras_ser")
class RandomMasks(keras.layers.Layer):
    """While training, overwrite one band of rows and one of columns of each picture by its mean.

    Args:
        height: Float, greatest height of the band of rows, as a share of the picture's.
        width: Float, greatest width of the band of columns.
        seed: Integer, or None for one by chance.

    Input shape: [batch, height, width, channels].
    Output shape: the same.

    Source: D. S. Park et al., "SpecAugment", 2019 (without the warping of time).
    """

    def __init__(self, height, width, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.height = height
        self.width = width
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, pictures, training=False):
        if not training:
            return pictures
        rows = self._band(keras.ops.shape(pictures)[0], keras.ops.shape(pictures)[1], self.height)
        columns = self._band(keras.ops.shape(pictures)[0], keras.ops.shape(pictures)[2], self.width)
        masked = keras.ops.logical_or(rows[:, :, None, None], columns[:, None, :, None])
        mean = keras.ops.mean(pictures, axis=(1, 2, 3), keepdims=True)
        return keras.ops.where(masked, mean, pictures)

    def _band(self, batch, size, share):
        """One band of each picture: at most ``share`` of ``size`` wide, anywhere. → bool [batch, size]"""
        wide = keras.random.uniform((batch, 1), 0.0, share, seed=self.generator)
        start = keras.random.uniform((batch, 1), seed=self.generator) * (1.0 - wide)
        place = (keras.ops.arange(size, dtype="float32") + 0.5) / keras.ops.cast(size, "float32")
        return keras.ops.logical_and(place >= start, place < start + wide)

    def get_config(self):
        return {**super().get_config(), "height": self.height, "width": self.width, "seed": self.seed}
