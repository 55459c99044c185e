import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_ser.dsp.effects import pitch_shift

from keras_ser.layers import PitchShift, TimeStretch, draw
from tests.harness import check_layer, generated, padded

WAVEFORM, LENGTHS = padded({name: y[:9500] for name, y in generated().items() if name in ("chirp", "quiet", "silence")})
COPIES = {"clip_id": np.array([7, -(2**62), 7]), "copy": np.array([0, 1, 2], np.int32)}
INT64 = st.integers(-(2**63), 2**63 - 1)


@settings(deadline=None)
@given(INT64, INT64, st.integers(0, 10))
def test_draw_is_the_stated_hash(seed, clip_id, copy):
    """SplitMix64 in Python's integers, with one key added before each step."""
    state, wrap = 0, 2**64 - 1
    for key in (seed, clip_id, copy):
        state = (state + 0x9E3779B97F4A7C15 + key) & wrap
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & wrap
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & wrap
        state ^= state >> 31
    assert draw(seed, [clip_id], [copy], 0.0, 1.0).numpy() == [(state >> 40) / 2**24]


def test_draw_does_not_depend_on_the_batch():
    clips, copies = np.arange(100), np.arange(100) % 3
    together = draw(1, clips, copies, -3.0, 3.0).numpy()
    np.testing.assert_array_equal(draw(1, clips[::-1][:7], copies[::-1][:7], -3.0, 3.0), together[::-1][:7])


@pytest.mark.parametrize("varied", ["seed", "clip_id", "copy"])
def test_draws_are_uniform_and_unrelated(varied):
    key = {"seed": 5, "clip_id": np.full(4000, 11), "copy": np.full(4000, 2)}
    counter = np.arange(4000)
    values = [draw(k, [11], [2], -3.0, 3.0).numpy()[0] for k in range(200)] if varied == "seed" else None
    values = np.array(values) if values else draw(**{**key, varied: counter}, low=-3.0, high=3.0).numpy()
    assert values.min() >= -3
    assert values.max() < 3
    assert scipy.stats.kstest(values, scipy.stats.uniform(-3, 6).cdf).pvalue > 0.01
    assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < 3 / np.sqrt(len(values))


def test_pitch_shift(tmp_path):
    layer = PitchShift(16000, -3.0, 3.0, seed=4)
    shifted = check_layer(layer, WAVEFORM, LENGTHS, tmp_path, atol=1e-4, **COPIES)
    n_steps = draw(4, COPIES["clip_id"], COPIES["copy"], -3.0, 3.0)
    expected = pitch_shift(WAVEFORM, n_steps, sample_rate=16000, lengths=LENGTHS)
    np.testing.assert_allclose(shifted, expected, rtol=0, atol=1e-4)


def test_time_stretch(tmp_path):
    layer = TimeStretch(0.8, 1.2, seed=4)
    stretched, lengths = check_layer(layer, WAVEFORM, LENGTHS, tmp_path, atol=1e-4, **COPIES)
    rates = layer.draw(**COPIES).numpy()
    np.testing.assert_array_equal(lengths, np.round(LENGTHS / rates))
    assert stretched.shape[1] == lengths.max()


def test_another_copy_of_a_clip_has_another_rate():
    layer = TimeStretch(0.8, 1.2)
    assert len(set(layer.draw([7, 7, 7], [0, 1, 2]).numpy())) == 3
    assert TimeStretch(0.8, 1.2, seed=1).draw([7], [0]) != layer.draw([7], [0])
