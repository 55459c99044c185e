"""Oracle: librosa 0.11."""

import librosa
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from keras_ser.dsp.spectrum import clear_padding, frame_count, frame_mask, istft, stft
from tests.harness import generated, padded, recordings

SIGNALS = generated()


def check_stft(signals, n_fft, hop_length):
    waveform, lengths = padded(signals)
    found = stft(waveform, n_fft=n_fft, hop_length=hop_length, lengths=lengths).numpy()
    for row, y in zip(found, signals.values(), strict=True):
        expected = librosa.stft(y, n_fft=n_fft, hop_length=hop_length).T
        assert len(expected) == frame_count(len(y), hop_length)
        np.testing.assert_allclose(row[: len(expected)], expected, rtol=0, atol=1e-6 * max(1, abs(expected).max()))


@pytest.mark.parametrize(("n_fft", "hop_length"), [(2048, 512), (1631, 815), (1569, 512), (400, 200)])
def test_stft_is_librosas(n_fft, hop_length):
    check_stft(SIGNALS, n_fft, hop_length)


def test_stft_of_recordings(real_data):
    check_stft(recordings(real_data), 2048, 512)


@pytest.mark.parametrize(("n_fft", "hop_length"), [(2048, 512), (512, 100), (1024, 300)])
def test_istft_is_librosas(n_fft, hop_length):
    spectrum = librosa.stft(SIGNALS["noise"], n_fft=n_fft, hop_length=hop_length)
    expected = librosa.istft(spectrum, n_fft=n_fft, hop_length=hop_length, length=16000)
    found = istft(spectrum.T[None], n_fft=n_fft, hop_length=hop_length, n_samples=16000)[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_istft_of_clips_with_fewer_frames(rng):
    spectrum = librosa.stft(rng.normal(size=9000).astype(np.float32)).T  # 18 frames
    expected = librosa.istft(spectrum[:10].T, length=6000)
    shorter = np.where(np.arange(18)[:, None] < 10, spectrum, 0)
    found = istft(np.stack([spectrum, shorter]), n_fft=2048, hop_length=512, n_samples=6000, n_frames=[18, 10])
    np.testing.assert_allclose(found[1], expected, rtol=0, atol=1e-5)
    assert abs(found[0] - found[1]).numpy().max() > 0.1


@pytest.mark.slow
@given(st.integers(1, 5000), st.sampled_from([(256, 64), (512, 200), (2048, 512)]), st.integers(0, 99))
def test_istft_undoes_stft(n_samples, sizes, seed):
    n_fft, hop_length = sizes
    y = np.random.default_rng(seed).uniform(-1, 1, (2, n_samples)).astype(np.float32)
    spectrum = stft(y, n_fft=n_fft, hop_length=hop_length)
    back = istft(spectrum, n_fft=n_fft, hop_length=hop_length, n_samples=n_samples)
    assert back.shape == y.shape
    # After the centre of the last frame a Hann window of hop n_fft / 2.5 has little left to divide by.
    inside = (frame_count(n_samples, hop_length) - 1) * hop_length
    np.testing.assert_allclose(back[:, :inside], y[:, :inside], rtol=0, atol=1e-4)


def test_masks():
    np.testing.assert_array_equal(frame_mask(tf.constant([0, 511, 512]), 512, 3).numpy().sum(axis=1), [1, 1, 2])
    np.testing.assert_array_equal(clear_padding(np.ones((2, 3), np.float32), [1, 3]), [[1, 0, 0], [1, 1, 1]])
