import keras
import numpy as np
import pytest

from keras_ser.dsp.effects import pitch_shift
from keras_ser.layers import PitchShift, RandomMasks, TimeStretch
from tests.harness import check_layer, generated, padded

WAVEFORM, LENGTHS = padded({name: y[:9500] for name, y in generated().items() if name in ("chirp", "quiet", "silence")})


@pytest.mark.slow
def test_pitch_shift(tmp_path):
    n_steps = np.array([-3.0, 0.5, 2.0], np.float32)
    shifted = check_layer(PitchShift(16000), WAVEFORM, LENGTHS, tmp_path, atol=1e-4, n_steps=n_steps)
    expected = pitch_shift(WAVEFORM, n_steps, sample_rate=16000, lengths=LENGTHS)
    np.testing.assert_allclose(shifted, expected, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_time_stretch(tmp_path):
    rate = np.array([0.8, 1.0, 1.21], np.float32)
    stretched, lengths = check_layer(TimeStretch(), WAVEFORM, LENGTHS, tmp_path, atol=1e-4, rate=rate)
    np.testing.assert_array_equal(lengths, np.round(LENGTHS / rate.astype(float)))
    assert stretched.shape[1] == lengths.max()


def test_random_masks(rng, tmp_path):
    pictures = rng.normal(size=(6, 20, 30, 1)).astype(np.float32)
    layer = RandomMasks(0.4, 0.3, seed=1)
    np.testing.assert_array_equal(layer(pictures), pictures)  # only while training
    masked = layer(pictures, training=True).numpy()
    for before, after in zip(pictures, masked, strict=True):
        changed = (before != after)[..., 0]
        rows, columns = changed.all(axis=1), changed.all(axis=0)
        np.testing.assert_array_equal(changed, rows[:, None] | columns)
        assert rows.sum() <= 0.4 * 20 + 1
        assert columns.sum() <= 0.3 * 30 + 1
        assert (np.diff(np.flatnonzero(rows)) == 1).all()
        np.testing.assert_allclose(after[changed], before.mean(), rtol=1e-5, atol=1e-6)
    assert (masked != pictures).any(axis=(1, 2, 3)).sum() >= 4
    again = RandomMasks(0.4, 0.3, seed=1)
    np.testing.assert_array_equal(again(pictures, training=True), masked)
    model = keras.Sequential([keras.Input((20, 30, 1)), layer])
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras").layers[0]
    assert reloaded.get_config() == layer.get_config()
