import numpy as np
import pytest

from keras_ser import librosa_reference
from tests.harness import generated, recordings


@pytest.mark.parametrize("name", ["silence", "chirp", "loud then silent"])
def test_emodb_features_are_finite_and_normalised(name):
    features = librosa_reference.emodb_features(generated()[name], 16000)
    assert features.dtype == np.float32
    assert features.shape == (13, 150)
    np.testing.assert_allclose(np.abs(features[0]).max(), 1.0, rtol=1e-6)


def test_emodb_features_row_by_row(real_data):
    """Each row is divided by its own peak; the last is the energy, the same in every frame, so 1."""
    (y,) = recordings(real_data, 1).values()
    features = librosa_reference.emodb_features(y, 16000)
    n_frames = 1 + len(y) // 512
    assert n_frames < 150
    np.testing.assert_allclose(np.abs(features).max(axis=1), 1.0, rtol=1e-6)
    np.testing.assert_array_equal(features[12, :n_frames], 1.0)
    assert not features[:, n_frames:].any()
    rows = librosa_reference.mfcc(librosa_reference.denoise(y, 16000), 16000, 12)
    np.testing.assert_allclose(features[:12, :n_frames], rows / np.abs(rows).max(axis=1, keepdims=True), rtol=1e-6)


def test_long_clips_are_cut(rng):
    y = rng.normal(size=90000).astype(np.float32)
    assert librosa_reference.emodb_features(y, 16000)[0].all()


def test_other_rates_are_brought_to_16_khz():
    y = generated()["chirp"]
    high = librosa_reference.resample(y, 16000, 48000)
    np.testing.assert_allclose(
        librosa_reference.emodb_features(high, 48000), librosa_reference.emodb_features(y, 16000), rtol=0, atol=0.05
    )


def test_silence_passes_the_noise_reduction():
    """noisereduce divides 0 by 0 there."""
    silence = generated()["silence"]
    np.testing.assert_array_equal(librosa_reference.denoise(silence, 16000), silence)


def test_effects_change_length_or_pitch_alone():
    y = generated()["chirp"][:16000]
    assert librosa_reference.pitch_shift(y, 16000, 2.5).shape == y.shape
    assert librosa_reference.time_stretch(y, 1.25).shape == (12800,)
    assert librosa_reference.mel_db(y, 16000).shape == (128, 32)
