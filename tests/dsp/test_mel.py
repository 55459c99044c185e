"""Oracle: librosa 0.11."""

import warnings

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_ser.dsp.mel import hz_to_mel, mel_filterbank, mel_spectrogram, mel_to_hz, narrow_filterbank
from tests.harness import generated, padded, recordings


@pytest.mark.parametrize(
    "options",
    [
        {"sample_rate": 16000, "n_fft": 2048},
        {"sample_rate": 22050, "n_fft": 512, "n_mels": 40, "fmin": 50.0, "fmax": 7000.0},
        {"sample_rate": 16000, "n_fft": 1024, "n_mels": 80, "htk": True, "norm": None},
        {"sample_rate": 48000, "n_fft": 16384, "n_mels": 401},
    ],
)
def test_filterbank_is_librosas(options):
    theirs = dict(options)
    expected = librosa.filters.mel(sr=theirs.pop("sample_rate"), **theirs)
    np.testing.assert_allclose(mel_filterbank(**options), expected.T, rtol=0, atol=1e-7)


def test_filters_have_the_same_area():
    filters = mel_filterbank(sample_rate=16000, n_fft=8192, n_mels=40)
    np.testing.assert_allclose(filters.sum(axis=0) * 16000 / 8192, 1.0, rtol=0.01)


def test_norm_must_be_known():
    with pytest.raises(ValueError, match=r"`norm` must be .* Received: norm='l1'"):
        mel_filterbank(sample_rate=16000, n_fft=512, norm="l1")


def test_filterbank_cannot_be_changed_in_the_cache():
    with pytest.raises(ValueError, match="read-only"):
        mel_filterbank(sample_rate=16000, n_fft=512)[0] = 1


@settings(deadline=None)
@given(st.floats(0, 24000), st.booleans())
def test_mel_scale_has_an_inverse(hz, htk):
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz, htk), htk), hz, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {
            "n_fft": 512,
            "hop_length": 160,
            "n_mels": 40,
            "fmin": 60.0,
            "fmax": 7600.0,
            "htk": True,
            "norm": None,
        },
        {"n_fft": 400, "hop_length": 200, "power": 1.0, "pad_mode": "reflect", "n_mels": 32},
    ],
    ids=["librosa's", "HTK", "torchaudio's"],
)
def test_mel_spectrogram_is_librosas(options, real_data):
    signals = {**generated(), **recordings(real_data)}
    waveform, lengths = padded(signals)
    mel = mel_spectrogram(waveform, sample_rate=16000, lengths=lengths, **options).numpy()
    for row, (name, y) in zip(mel, signals.items(), strict=True):
        expected = librosa.feature.melspectrogram(y=y, sr=16000, **options).T
        n = len(expected)
        np.testing.assert_allclose(row[:n], expected, rtol=0, atol=1e-5 * expected.max(), err_msg=name)
        assert not row[n:].any(), name


def test_every_row_is_a_whole_clip_without_lengths(rng):
    waveform = rng.normal(size=(2, 8000)).astype(np.float32)
    mel = mel_spectrogram(waveform, sample_rate=16000)
    assert mel.shape == (2, 16, 128)
    full = mel_spectrogram(waveform, sample_rate=16000, lengths=np.array([8000, 8000]))
    np.testing.assert_array_equal(mel, full)


def test_pad_mode_must_be_known():
    with pytest.raises(ValueError, match=r"`pad_mode` must be .* Received: pad_mode='edge'"):
        mel_spectrogram(np.zeros((1, 4000), np.float32), sample_rate=16000, pad_mode="edge")


@pytest.mark.filterwarnings("ignore:n_fft=2048 is too large")
@pytest.mark.parametrize("pad_mode", ["constant", "reflect"])
def test_clips_shorter_than_a_frame(pad_mode, rng):
    waveform = rng.normal(size=(2, 700)).astype(np.float32)
    mel = mel_spectrogram(waveform, sample_rate=16000, lengths=np.array([700, 300]), pad_mode=pad_mode).numpy()
    for row, length in zip(mel, (700, 300), strict=True):
        y = np.pad(waveform[0 if length == 700 else 1, :length], 1024, mode=pad_mode)
        expected = librosa.feature.melspectrogram(y=y, sr=16000, center=False).T
        np.testing.assert_allclose(row[: len(expected)], expected, rtol=0, atol=1e-5 * expected.max())
        assert not row[len(expected) :].any()


@pytest.mark.parametrize(
    "scale", [{}, {"fmin": 300.0, "fmax": 3400.0}, {"htk": True, "norm": None}], ids=["slaney", "band", "htk"]
)
def test_narrow_filters_are_the_same_filters(scale):
    options = {"sample_rate": 48000, "n_fft": 4096, "n_mels": 900, **scale}
    np.testing.assert_allclose(narrow_filterbank(**options).toarray(), mel_filterbank(**options), rtol=1e-4, atol=1e-7)


def test_many_mels_are_librosas():
    y = generated()["noise"]
    options = {"n_fft": 4096, "hop_length": 720, "n_mels": 900, "power": 1.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that some filters are empty
        expected = librosa.feature.melspectrogram(y=y, sr=16000, **options).T
    found = mel_spectrogram(y[None], sample_rate=16000, **options)[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * expected.max())
