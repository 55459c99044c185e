import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from keras_ser.dsp.contour import mean_energy


@settings(deadline=None)
@given(arrays(np.float32, (2, 9), elements=st.floats(-1, 1, width=32)), st.integers(1, 9))
def test_is_the_mean_square_of_the_clips_own_samples(waveform, length):
    expected = [np.mean(waveform[0] ** 2), np.mean(waveform[1, :length] ** 2)]
    np.testing.assert_allclose(mean_energy(waveform, [9, length]), expected, rtol=1e-5, atol=1e-30)


def test_every_row_is_a_whole_clip_without_lengths():
    np.testing.assert_allclose(mean_energy(np.array([[1.0, -1.0], [0.5, 0.0]], np.float32)), [1.0, 0.125])


def test_a_clip_without_samples_has_no_energy():
    assert mean_energy(np.ones((1, 4), np.float32), [0]).numpy() == 0
