"""Signal processing as Keras layers: :mod:`keras_ser.dsp` with a configuration.

Every layer is called as ``layer(x, lengths=None)``: ``x`` is a float32 waveform [batch, samples] or features
[batch, frames, features], ``lengths`` (int32 [batch]) the length of each clip *in samples* at that point of
the chain; None says that every clip fills its row. What comes out for a clip depends neither on its batch
mates nor on its padding, and padding comes out as 0. Signals stay float32 whatever the global dtype policy
says.
"""

from keras_ser.layers.augmentation import PitchShift, RandomMasks, TimeStretch
from keras_ser.layers.features import (
    MFCC,
    RMS,
    BandShape,
    ClipNormalization,
    FixFrames,
    GreyPicture,
    MeanEnergy,
    MelSpectrogram,
    PeakNormalization,
    PowerToDecibel,
    SpectralCentroid,
    StackFeatures,
    ZeroCrossingRate,
)
from keras_ser.layers.normalization import RunningNormalization
from keras_ser.layers.signal import Decimate, Denoise, FixSamples, Resample, SignalLayer

__all__ = [
    "MFCC",
    "RMS",
    "BandShape",
    "ClipNormalization",
    "Decimate",
    "Denoise",
    "FixFrames",
    "FixSamples",
    "GreyPicture",
    "MeanEnergy",
    "MelSpectrogram",
    "PeakNormalization",
    "PitchShift",
    "PowerToDecibel",
    "RandomMasks",
    "Resample",
    "RunningNormalization",
    "SignalLayer",
    "SpectralCentroid",
    "StackFeatures",
    "TimeStretch",
    "ZeroCrossingRate",
]
