"""Oracle: librosa.yin of librosa 0.11, one clip at a time."""

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_ser.dsp.pitch import yin
from tests.harness import generated, padded, recordings

OPTIONS = (
    {"fmin": 65, "fmax": 400, "hop_length": 512},
    {"fmin": 60, "fmax": 500, "frame_length": 1024, "hop_length": 256},
)


def differences(signals, options):
    """Name → relative difference of each frame."""
    waveform, lengths = padded(signals)
    found = yin(waveform, sample_rate=16000, lengths=lengths, **options).numpy()
    out = {}
    for row, (name, y) in zip(found, signals.items(), strict=True):
        expected = librosa.yin(y, sr=16000, **options)
        out[name] = np.abs(row[: len(expected)] / expected - 1)
        assert not row[len(expected) :].any()
    return out


@pytest.mark.parametrize("options", OPTIONS, ids=["long", "short"])
def test_is_librosa(options):
    # Around the impulse the difference function is made of rounding errors, which are larger in librosa's float32.
    signals = {name: y for name, y in generated().items() if name != "impulse"}
    for name, difference in differences(signals, options).items():
        assert difference.max() < 1e-5, name


@pytest.mark.parametrize("options", OPTIONS, ids=["long", "short"])
def test_recordings(real_data, options):
    for name, difference in differences(recordings(real_data), options).items():
        assert np.mean(difference < 1e-3) > 0.98, name  # pauses of a few quantisation steps may fall either way


@settings(max_examples=20)
@given(st.floats(80, 380))
def test_of_a_tone_is_its_frequency(frequency):
    tone = np.sin(2 * np.pi * frequency * np.arange(8000) / 16000).astype(np.float32)[None]
    found = yin(tone, sample_rate=16000, fmin=65, fmax=400).numpy()[0, 3:-3]
    np.testing.assert_allclose(found, frequency, rtol=0.01)
