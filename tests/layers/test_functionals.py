import numpy as np
import pytest

from keras_ser.dsp import descriptors, functionals
from keras_ser.layers import Descriptors, Functionals
from tests.harness import check_layer, generated, padded

WAVEFORM, LENGTHS = padded({name: y[:9500] for name, y in generated().items() if name != "impulse"})


@pytest.mark.slow
def test_descriptors(tmp_path):
    layer = Descriptors(16000, n_mels=32)
    found = check_layer(layer, WAVEFORM, LENGTHS, tmp_path, atol=1e-3)
    expected = descriptors.descriptors(WAVEFORM, sample_rate=16000, n_mels=32, lengths=LENGTHS)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_functionals(tmp_path):
    frames = Descriptors(16000)(WAVEFORM, LENGTHS).numpy()
    found = check_layer(Functionals(), frames, LENGTHS, tmp_path, atol=2e-3)
    assert found.shape == (len(LENGTHS), functionals.size(64))
    np.testing.assert_allclose(found, functionals.of_speech(frames, 64, 1 + LENGTHS // 160), rtol=0, atol=1e-4)
