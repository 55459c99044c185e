"""Oracle: librosa 0.11."""

import librosa
import numpy as np
import pytest

from keras_ser.dsp.shape import spectral_centroid
from tests.harness import generated, padded, recordings


@pytest.mark.parametrize(("n_fft", "hop_length"), [(2048, 512), (1631, 815), (400, 200)])
def test_librosas_alone_and_in_a_batch(n_fft, hop_length):
    frames = {"n_fft": n_fft, "hop_length": hop_length}
    signals = generated()
    waveform, lengths = padded(signals)
    together = spectral_centroid(waveform, sample_rate=16000, lengths=lengths, **frames).numpy()
    for row, y in zip(together, signals.values(), strict=True):
        expected = librosa.feature.spectral_centroid(y=y, sr=16000, **frames)[0]
        alone = spectral_centroid(y[None], sample_rate=16000, **frames)[0]
        np.testing.assert_allclose(alone, expected, rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(row[: len(expected)], expected, rtol=1e-4, atol=1e-3)
        assert not row[len(expected) :].any()


def test_recordings(real_data):
    for y in recordings(real_data).values():
        expected = librosa.feature.spectral_centroid(y=y, sr=16000)[0]
        np.testing.assert_allclose(spectral_centroid(y[None], sample_rate=16000)[0], expected, rtol=1e-4)


def test_a_tone_is_its_own_centroid():
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    np.testing.assert_allclose(spectral_centroid(tone[None], sample_rate=16000)[0, 3:-3], 1000, rtol=0.01)
