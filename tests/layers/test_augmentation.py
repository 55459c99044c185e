import numpy as np

from keras_ser.dsp.effects import pitch_shift
from keras_ser.layers import PitchShift, TimeStretch
from tests.harness import check_layer, generated, padded

WAVEFORM, LENGTHS = padded({name: y[:9500] for name, y in generated().items() if name in ("chirp", "quiet", "silence")})


def test_pitch_shift(tmp_path):
    n_steps = np.array([-3.0, 0.5, 2.0], np.float32)
    shifted = check_layer(PitchShift(16000), WAVEFORM, LENGTHS, tmp_path, atol=1e-4, n_steps=n_steps)
    expected = pitch_shift(WAVEFORM, n_steps, sample_rate=16000, lengths=LENGTHS)
    np.testing.assert_allclose(shifted, expected, rtol=0, atol=1e-4)


def test_time_stretch(tmp_path):
    rate = np.array([0.8, 1.0, 1.21], np.float32)
    stretched, lengths = check_layer(TimeStretch(), WAVEFORM, LENGTHS, tmp_path, atol=1e-4, rate=rate)
    np.testing.assert_array_equal(lengths, np.round(LENGTHS / rate.astype(float)))
    assert stretched.shape[1] == lengths.max()
