import keras
import librosa
import numpy as np
import pytest

from keras_ser.dsp.denoise import denoise
from keras_ser.dsp.resample import decimate, resample
from keras_ser.layers import Decimate, Denoise, FixSamples, Resample
from tests.harness import check_layer, generated, padded

WAVEFORM, LENGTHS = padded({name: y[:9500] for name, y in generated().items() if name != "impulse"})


@pytest.mark.slow
def test_denoise(tmp_path):
    clean = check_layer(Denoise(16000), WAVEFORM, LENGTHS, tmp_path, atol=1e-5)
    np.testing.assert_allclose(clean, denoise(WAVEFORM, sample_rate=16000, lengths=LENGTHS), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_resample(tmp_path):
    waveform, lengths = check_layer(Resample(48000, 16000), WAVEFORM, LENGTHS, tmp_path, atol=1e-5)
    expected, expected_lengths = resample(WAVEFORM, orig_sr=48000, target_sr=16000, lengths=LENGTHS)
    np.testing.assert_array_equal(lengths, expected_lengths)
    np.testing.assert_allclose(waveform, expected, rtol=0, atol=1e-5)


def test_lengths_come_out_where_they_go_in():
    for layer, n_samples in ((Resample(48000, 16000), 3167), (Decimate(10), 950)):
        alone = layer(WAVEFORM)
        waveform, lengths = layer(WAVEFORM, np.full(len(WAVEFORM), WAVEFORM.shape[1]))
        assert alone.shape == waveform.shape == (len(WAVEFORM), n_samples)
        np.testing.assert_array_equal(alone, waveform)
        assert lengths.dtype == "int32"
        np.testing.assert_array_equal(lengths, np.full(len(WAVEFORM), n_samples))


def test_layers_chain_symbolically():
    waveform, lengths = keras.Input((None,)), keras.Input((), dtype="int32")
    clean = Denoise(16000)(*Resample(48000, 16000)(waveform, lengths))
    assert clean.shape == (None, None)


@pytest.mark.slow
@pytest.mark.parametrize("n_samples", [4000, 12000])
def test_fix_samples(n_samples, tmp_path):
    fixed = check_layer(FixSamples(n_samples), WAVEFORM, LENGTHS, tmp_path, atol=0)
    assert fixed.shape == (len(WAVEFORM), n_samples)
    for row, y, length in zip(fixed, WAVEFORM, LENGTHS, strict=True):
        expected = librosa.util.fix_length(y[:length], size=n_samples)
        np.testing.assert_array_equal(row, expected)


def test_decimate(tmp_path):
    waveform, lengths = check_layer(Decimate(10), WAVEFORM, LENGTHS, tmp_path, atol=1e-5)
    expected, expected_lengths = decimate(WAVEFORM, 10, LENGTHS)
    np.testing.assert_array_equal(lengths, expected_lengths)
    np.testing.assert_allclose(waveform, expected, rtol=0, atol=1e-5)
