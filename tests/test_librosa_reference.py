import numpy as np

from keras_ser import librosa_reference
from tests.harness import generated


def test_silence_passes_the_noise_reduction():
    """noisereduce divides 0 by 0 there."""
    silence = generated()["silence"]
    np.testing.assert_array_equal(librosa_reference.denoise(silence, 16000), silence)


def test_effects_change_length_or_pitch_alone():
    y = generated()["chirp"][:16000]
    assert librosa_reference.pitch_shift(y, 16000, 2.5).shape == y.shape
    assert librosa_reference.time_stretch(y, 1.25).shape == (12800,)
    assert librosa_reference.mel_db(y, 16000).shape == (128, 32)
