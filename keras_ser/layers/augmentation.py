"""Altered copies of clips, by amounts that the caller has drawn (:func:`keras_ser.data.examples.draw`): the layers
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
