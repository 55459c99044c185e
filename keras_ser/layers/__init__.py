"""Signal processing as Keras layers: :mod:`keras_ser.dsp` with a configuration.

Layers of signals are called as ``layer(x)`` or ``layer(x, lengths)``: ``x`` is a float32 waveform [batch, samples] or
features [batch, frames, features], ``lengths`` (int32 [batch]) the length of each clip *in samples* at that point of
the chain; without them every clip fills its row. What comes out for a clip depends neither on its batch mates nor on
its padding, and padding comes out as 0. A layer returns one tensor; those that make clips longer or shorter return
(waveform, lengths) where they are given lengths. Of a length beyond the end of a row, as clips have that
:class:`FixSamples` cuts, no more is taken than is there. Signals stay float32 whatever the global dtype policy says.

Five are called as ``layer(x)`` alone: to ``RandomWarp``, ``RandomTilt`` and ``RunningNormalization`` a frame of zeros
is padding; ``GreyImage`` and ``RandomMasks`` take images, in which nothing is.

To import this module registers the layers, so that a saved model that holds them loads::

    import keras, keras_ser.layers
    model = keras.models.load_model("model.keras")

For an LSTM that ignores padding see :class:`FrameMask`.
"""

from keras_ser.layers.augmentation import (
    AddNoise,
    PitchShift,
    RandomGain,
    RandomMasks,
    RandomPitchShift,
    RandomTilt,
    RandomTimeStretch,
    RandomWarp,
    TimeStretch,
)
from keras_ser.layers.features import (
    MFCC,
    RMS,
    YIN,
    BandShape,
    ClipNormalization,
    Deltas,
    FixFrames,
    FrameMask,
    GreyImage,
    LogMel,
    MeanEnergy,
    MelSpectrogram,
    PeakNormalization,
    PowerToDecibel,
    SpectralCentroid,
    StackFeatures,
    ZeroCrossingRate,
)
from keras_ser.layers.functionals import Descriptors, Functionals
from keras_ser.layers.normalization import RunningNormalization
from keras_ser.layers.signal import Decimate, Denoise, FixSamples, Resample, SignalLayer

__all__ = [
    "MFCC",
    "RMS",
    "YIN",
    "AddNoise",
    "BandShape",
    "ClipNormalization",
    "Decimate",
    "Deltas",
    "Denoise",
    "Descriptors",
    "FixFrames",
    "FixSamples",
    "FrameMask",
    "Functionals",
    "GreyImage",
    "LogMel",
    "MeanEnergy",
    "MelSpectrogram",
    "PeakNormalization",
    "PitchShift",
    "PowerToDecibel",
    "RandomGain",
    "RandomMasks",
    "RandomPitchShift",
    "RandomTilt",
    "RandomTimeStretch",
    "RandomWarp",
    "Resample",
    "RunningNormalization",
    "SignalLayer",
    "SpectralCentroid",
    "StackFeatures",
    "TimeStretch",
    "ZeroCrossingRate",
]
