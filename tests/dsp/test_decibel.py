"""Oracle: librosa.power_to_db of librosa 0.11, one clip at a time."""

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from keras_ser.dsp.decibel import power_to_db

POWERS = arrays(np.float32, (2, 5, 3), elements=st.floats(0, 1e6, width=32))


@settings(deadline=None)
@given(POWERS, st.sampled_from([1.0, 0.25, "max"]), st.sampled_from([80.0, 20.0, None]))
def test_is_librosas_for_each_clip(power, ref, top_db):
    obtained = power_to_db(power, ref=ref, top_db=top_db)
    for row, clip in zip(obtained, power, strict=True):
        expected = librosa.power_to_db(clip, ref=np.max if ref == "max" else ref, top_db=top_db)
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-3)


def test_floor_of_a_quiet_clip_is_not_that_of_its_loud_neighbour():
    power = np.full((2, 4, 3), 1e-9, np.float32)
    power[0, 0] = 1e3  # the loud clip: 30 dB, so its floor is at -50 dB
    db = power_to_db(power).numpy()
    np.testing.assert_allclose(db[0, 1], -50.0, atol=1e-4)
    np.testing.assert_allclose(db[1], -90.0, atol=1e-4)


@settings(deadline=None)
@given(POWERS, st.floats(0, 2.0**40, width=32))
def test_frames_outside_the_mask_count_for_nothing_and_are_zero(power, junk):
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], bool)
    expected = power_to_db(power[1:, :3], ref="max").numpy()[0]
    power[1, 3:] = junk
    db = power_to_db(power, ref="max", mask=mask).numpy()
    np.testing.assert_allclose(db[1, :3], expected, rtol=0, atol=1e-5)
    assert not db[1, 3:].any()


@pytest.mark.parametrize(("ref", "expected"), [(1.0, -100.0), ("max", 0.0)])
def test_silence_is_the_least_power(ref, expected):
    np.testing.assert_allclose(power_to_db(np.zeros((1, 2, 3), np.float32), ref=ref), expected, atol=1e-4)
