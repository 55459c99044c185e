import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from keras_ser.dsp.contour import mean_energy, rms, zero_crossing_rate
from tests.harness import generated, padded, recordings


@settings(deadline=None)
@given(arrays(np.float32, (2, 9), elements=st.floats(-1, 1, width=32)), st.integers(1, 9))
def test_is_the_mean_square_of_the_clips_own_samples(waveform, length):
    expected = [np.mean(waveform[0] ** 2), np.mean(waveform[1, :length] ** 2)]
    np.testing.assert_allclose(mean_energy(waveform, [9, length]), expected, rtol=1e-5, atol=1e-30)


def test_every_row_is_a_whole_clip_without_lengths():
    np.testing.assert_allclose(mean_energy(np.array([[1.0, -1.0], [0.5, 0.0]], np.float32)), [1.0, 0.125])


def test_a_clip_without_samples_has_no_energy():
    assert mean_energy(np.ones((1, 4), np.float32), [0]).numpy() == 0


FRAMES = [(2048, 512), (1631, 815), (401, 100)]  # frame_length, hop_length


@pytest.mark.parametrize(("frame_length", "hop_length"), FRAMES)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (rms, lambda y, **frames: librosa.feature.rms(y=y, **frames)),
        (zero_crossing_rate, lambda y, **frames: librosa.feature.zero_crossing_rate(y, **frames)),
    ],
)
def test_librosas_alone_and_in_a_batch(ours, theirs, frame_length, hop_length):
    frames = {"frame_length": frame_length, "hop_length": hop_length}
    signals = generated()
    waveform, lengths = padded(signals)
    together = ours(waveform, lengths=lengths, **frames).numpy()
    for row, y in zip(together, signals.values(), strict=True):
        expected = theirs(y, **frames)[0]
        np.testing.assert_allclose(ours(y[None], **frames)[0], expected, rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(row[: len(expected)], expected, rtol=1e-4, atol=1e-7)
        assert not row[len(expected) :].any()


def test_recordings(real_data):
    for y in recordings(real_data).values():
        np.testing.assert_allclose(rms(y[None])[0], librosa.feature.rms(y=y)[0], rtol=1e-4, atol=1e-7)
        expected = librosa.feature.zero_crossing_rate(y)[0]
        np.testing.assert_allclose(zero_crossing_rate(y[None])[0], expected, rtol=1e-4)
