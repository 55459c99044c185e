"""Oracle: librosa.util of librosa 0.11."""

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from keras_ser.dsp.scaling import fix_frames, grey_levels, peak_normalize, standardize

# No subnormals: TensorFlow's kernels flush them to 0.
FEATURES = arrays(np.float32, (2, 4, 3), elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False))


@settings(deadline=None)
@given(FEATURES)
def test_is_librosas_normalize_over_time(features):
    expected = np.stack([librosa.util.normalize(clip, axis=0) for clip in features])
    np.testing.assert_allclose(peak_normalize(features), expected, rtol=1e-6, atol=1e-30)


@settings(deadline=None)
@given(FEATURES, st.floats(2.0**-6, 2.0**6, width=32))
def test_the_scale_of_the_input_does_not_matter(features, scale):
    features = np.where(np.abs(features) < 1e-20, 0, features)  # so that scaling does not underflow
    once = peak_normalize(features)
    np.testing.assert_allclose(peak_normalize(features * scale), once, rtol=1e-6)
    np.testing.assert_allclose(peak_normalize(once), once, rtol=1e-6)
    assert np.abs(once).max() <= 1


def test_a_row_of_zeros_is_left_as_it_is():
    assert not peak_normalize(np.zeros((1, 4, 3), np.float32)).numpy().any()


@settings(deadline=None)
@given(FEATURES)
def test_frames_outside_the_mask_count_for_nothing_and_are_zero(features):
    mask = np.array([[1, 1, 1, 1], [1, 1, 0, 0]], bool)
    features[1, 2:] = 1e7
    normalized = peak_normalize(features, mask).numpy()
    np.testing.assert_array_equal(normalized[1, :2], peak_normalize(features[1:, :2])[0])
    assert not normalized[1, 2:].any()


@pytest.mark.parametrize("n_frames", [0, 1, 4, 9])
def test_fix_frames_is_librosas_fix_length(n_frames, rng):
    features = rng.normal(size=(2, 4, 3)).astype(np.float32)
    expected = librosa.util.fix_length(features, size=n_frames, axis=1)
    np.testing.assert_array_equal(fix_frames(features, n_frames), expected)


def test_standardized_clips(rng):
    y = rng.normal(3, 2, (2, 50)).astype(np.float32)
    found = standardize(y, [50, 20]).numpy()
    np.testing.assert_allclose(found[0], (y[0] - y[0].mean()) / y[0].std(), atol=1e-5)
    np.testing.assert_allclose(found[1, :20], (y[1, :20] - y[1, :20].mean()) / y[1, :20].std(), atol=1e-5)
    assert not found[1, 20:].any()
    for constant in (0.1, 0.5, 0.7):
        assert not standardize(np.full((1, 144_720), constant, np.float32)).numpy().any()
    y[1, 20:] = np.nan  # padding, whatever is there
    np.testing.assert_array_equal(standardize(y, [50, 20]), found)


@given(arrays(np.float32, (2, 4, 3), elements=st.floats(-1e3, 1e3, width=32, allow_subnormal=False)))
def test_grey_levels_use_the_whole_range(images):
    levels = grey_levels(images).numpy()
    assert ((levels >= 0) & (levels <= 255) & (levels == np.floor(levels))).all()
    for image, level in zip(images, levels, strict=True):
        assert level.min() == 0
        assert level.max() == (255 if np.ptp(image) >= np.finfo(np.float32).tiny else 0)
