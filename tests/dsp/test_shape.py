"""Oracle: librosa 0.11."""

import librosa
import numpy as np
import pytest

from keras_ser import audio, librosa_reference
from keras_ser.dsp.shape import BAND_SHAPES, band_shape, spectral_centroid
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


# The report's bands, in rows of 3401 or in hertz.
BANDS = ((300, 627), (628, 1060), (1061, 1633), (1634, 2393), (2394, 3400))
SHEET = {"n_fft": 16384, "n_mels": 3401, "bands": BANDS}
READINGS = ({"unit": "rows"}, {"unit": "hertz", "fmin": 300.0, "fmax": 3400.0})
TOLERANCE = {"centroid": 0.05, "bandwidth": 40.0, "deviation": 0.2, "energy": 1e-5}  # of values up to 3400, 1e5, 300, 1


def check_bands(y, sample_rate, reading, found, n_frames=200):
    expected = librosa_reference.band_shapes(y, sample_rate, bands=BANDS, **reading)
    loud = expected["raw_energy"] > 1e-9 * expected["raw_energy"].max()  # in float32 the rest of the spectrum is noise
    for kind, values in found.items():
        n = min(n_frames, values.shape[0])
        if kind == "raw_energy":
            np.testing.assert_allclose(values[:n], expected[kind][:n], rtol=0, atol=1e-5 * expected[kind].max())
        else:
            difference = np.abs(values[:n] - expected[kind][:n])[loud[:n]]
            assert difference.max(initial=0) <= TOLERANCE[kind], kind


def bands_of(waveform, sample_rate, reading, lengths=None):
    options = {**SHEET, **reading, "sample_rate": sample_rate, "hop_length": int(0.015 * sample_rate), "at_most": 200}
    return {kind: band_shape(waveform, kind=kind, lengths=lengths, **options).numpy() for kind in BAND_SHAPES}


@pytest.mark.slow
@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: reading["unit"])
def test_bands_are_those_of_the_whole_mel_spectrogram(reading):
    signals = {name: y for name, y in generated().items() if name in ("chirp", "noise", "silence")}
    waveform, lengths = padded(signals)
    together = bands_of(waveform, 48000, reading, lengths)
    for i, (name, y) in enumerate(signals.items()):
        alone = {kind: values[0] for kind, values in bands_of(y[None], 48000, reading).items()}
        n = 1 + len(y) // 720
        check_bands(y, 48000, reading, alone, n)
        for kind, values in together.items():
            scale = np.abs(alone[kind]).max() or 1.0
            np.testing.assert_allclose(values[i, :n], alone[kind], rtol=0, atol=2e-3 * scale)
            assert not values[i, n:].any()
            assert np.isfinite(values).all()
        if name == "silence":
            assert not any(values.any() for values in alone.values())


@pytest.mark.slow
@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: reading["unit"])
def test_bands_of_recordings(reading, real_data):
    for path in sorted((real_data / "ravdess").rglob("*.flac"))[::120]:
        y, sample_rate = audio.read(path)
        check_bands(y, sample_rate, reading, {k: v[0] for k, v in bands_of(y[None], sample_rate, reading).items()})


def test_bands_in_closed_form():
    """A tone has its row for a centroid and no width; shares sum to one."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000).astype(np.float32)
    found = bands_of(tone[None], 48000, READINGS[1])
    middle = slice(25, 40)
    np.testing.assert_allclose(found["centroid"][0, middle, 1], 1000, atol=1)
    assert found["deviation"][0, middle, 1].max() < 3  # a Hann window's main lobe is 4 bins of 2.9 Hz
    np.testing.assert_allclose(found["energy"].sum(axis=-1), 1, atol=1e-6)
    np.testing.assert_allclose(found["energy"][0, middle, 1], 1, atol=1e-4)


def test_in_hertz_what_lies_between_two_bands_belongs_to_the_lower():
    tone = np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000).astype(np.float32)
    bands = {"unit": "hertz", "bands": ((300, 600), (1400, 3400)), "fmin": 300.0, "fmax": 3400.0}
    options = {**SHEET, **bands, "sample_rate": 48000, "hop_length": 720}
    middle = slice(25, 40)
    np.testing.assert_allclose(band_shape(tone[None], kind="energy", **options)[0, middle], [[1, 0]] * 15, atol=1e-4)
    np.testing.assert_allclose(band_shape(tone[None], kind="centroid", **options)[0, middle, 0], 1000, atol=1)


def test_at_most_and_bad_arguments():
    y = generated()["noise"][None]
    options = {**SHEET, "sample_rate": 16000, "hop_length": 240, "unit": "rows"}
    all_, some = (band_shape(y, kind="centroid", at_most=n, **options) for n in (None, 7))
    assert some.shape == (1, 7, 5)
    np.testing.assert_allclose(some, all_[:, :7], rtol=1e-6)  # one product of matrices, of another size
    with pytest.raises(ValueError, match="`kind` must be one of"):
        band_shape(y, kind="slope", **options)
    with pytest.raises(ValueError, match="`unit` must be"):
        band_shape(y, kind="energy", **{**options, "unit": "mel"})
