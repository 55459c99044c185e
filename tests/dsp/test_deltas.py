"""Oracle: librosa.feature.delta of librosa 0.11, one clip at a time."""

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_ser.dsp.deltas import MODES, deltas


def reference(features, **options):
    return librosa.feature.delta(features, axis=0, **options)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("width", "order"), [(9, 1), (9, 2), (3, 1), (5, 3)])
def test_is_librosa(rng, width, order, mode):
    features = (rng.normal(size=(3, 21, 4)) * [100, 10, 1, 0.01]).astype(np.float32)
    n_frames = np.array([21, 9, 14], np.int32)
    slope = deltas(features, width=width, order=order, mode=mode, n_frames=n_frames).numpy()
    for row, clip, n in zip(slope, features, n_frames, strict=True):
        expected = reference(clip[:n], width=width, order=order, mode=mode)
        np.testing.assert_allclose(row[:n], expected, rtol=0, atol=1e-5 * abs(clip).max())
        assert not row[n:].any()


@pytest.mark.slow
@given(st.integers(9, 40), st.floats(-10, 10), st.floats(-100, 100))
def test_of_a_line_is_its_slope(n_frames, slope, start):
    line = (start + slope * np.arange(n_frames))[None, :, None].astype(np.float32)
    np.testing.assert_allclose(deltas(line), np.full(line.shape, slope), rtol=0, atol=1e-4)


@pytest.mark.parametrize("mode", MODES)
def test_clips_shorter_than_a_window(rng, mode):
    features = rng.normal(size=(4, 6, 2)).astype(np.float32)
    n_frames = np.array([6, 3, 1, 0], np.int32)
    slope = deltas(features, mode=mode, n_frames=n_frames).numpy()
    assert np.isfinite(slope).all()
    for row, clip, n in zip(slope[:2], features, n_frames, strict=False):
        # SciPy mirrors a clip that is shorter than half a window more than once, as here.
        expected = reference(clip[:n], mode="nearest" if mode == "interp" else mode)
        np.testing.assert_allclose(row[:n], expected, rtol=0, atol=1e-5)
    assert not slope[3].any()
