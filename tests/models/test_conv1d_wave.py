"""The filterbank that the network on the raw wave starts with, and the layers it is made of."""

import keras
import numpy as np
import pytest
from keras.layers import Conv1D

from keras_ser.models.conv1d_wave import FILTERS, TAPS, GaborPairs, LogEnergy, conv1d_wave

KERNEL = keras.ops.convert_to_numpy(GaborPairs(48000)((TAPS, 1, 2 * FILTERS), "float32"))[:, 0]  # [taps, filters]


def test_each_pair_hears_its_band_and_no_constant():
    response = np.abs(np.fft.rfft(KERNEL, 48000, axis=0))  # a bin a hertz
    loudest = response.argmax(axis=0)
    np.testing.assert_array_equal(loudest[:FILTERS], loudest[FILTERS:])
    mels = 2595 * np.log10(1 + loudest[:FILTERS] / 700)
    assert np.abs(np.diff(mels, 2)).max() < 12  # evenly spaced in mel, to a few hertz
    assert 60 < loudest[0] < loudest[FILTERS - 1] < 7800
    assert (response[0] < 0.25 * response.max(axis=0)).all()


def test_a_pair_gives_the_energy_whatever_the_phase():
    t = np.arange(TAPS) / 48000
    hertz = np.abs(np.fft.rfft(KERNEL[:, 20], 48000)).argmax()
    found = []
    for phase in (0.0, 0.7, 2.0):
        y = 20 * np.cos(2 * np.pi * hertz * t + phase)
        found.append(LogEnergy()(np.float32(y @ KERNEL)[None, None]).numpy()[0, 0])
    np.testing.assert_allclose(found[0], found[1], atol=0.05)
    np.testing.assert_allclose(found[0], found[2], atol=0.05)
    assert np.exp(found[0].max()) - 1 == pytest.approx(200, rel=0.1)  # half the square of the amplitude


def test_saved_and_loaded(tmp_path, rng):
    model = conv1d_wave((9600, 1), 4, scale=100.0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    y = rng.normal(size=(2, 9600, 1)).astype(np.float32)
    np.testing.assert_allclose(again(y, training=False), model(y, training=False), atol=1e-6)
    initializer = GaborPairs.from_config(GaborPairs(16000, fmax=4000.0, gain=10.0).get_config())
    assert (initializer.sample_rate, initializer.fmin, initializer.fmax, initializer.gain) == (
        16000,
        60.0,
        4000.0,
        10.0,
    )


@pytest.mark.slow
def test_the_energies_are_those_of_the_plain_filters_and_training_keeps_their_shape(rng):
    model = conv1d_wave((9600, 1), 4, scale=100.0)
    bank, energies = (next(item for item in model.layers if isinstance(item, kind)) for kind in (Conv1D, LogEnergy))
    y = rng.normal(size=(1, 9600, 1)).astype(np.float32)
    plain = keras.ops.conv(y, KERNEL[:, None], strides=480, padding="same")
    np.testing.assert_allclose(energies(bank(y)), LogEnergy(100.0)(plain), atol=1e-4)

    before = bank.get_weights()[0]
    model.compile("adam", "categorical_crossentropy")
    model.fit(rng.normal(size=(8, 9600, 1)), np.eye(4)[[0, 1, 2, 3] * 2], epochs=20, verbose=0)
    change = bank.get_weights()[0] - before
    assert 0 < np.sqrt(np.mean(change**2) / np.mean(before**2)) < 0.2


class Seen(keras.layers.Layer):
    """Notes what it is given."""

    def call(self, energies, training=False):
        self.shape, self.training = energies.shape, training
        return energies


def test_changes_are_made_to_the_energies_while_training(rng):
    seen = Seen()
    model = conv1d_wave((9600, 1), 4, [seen])
    for training in (True, False):
        model(rng.normal(size=(2, 9600, 1)).astype(np.float32), training=training)
        assert (tuple(seen.shape), seen.training) == ((2, 20, FILTERS, 1), training)
