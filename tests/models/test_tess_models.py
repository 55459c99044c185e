"""The three networks of the TESS report: layer by layer as its listings have them."""

import keras
import numpy as np
import pytest

from keras_ser.models.conv1d import conv1d
from keras_ser.models.conv1d_lstm import conv1d_lstm
from keras_ser.models.lstm import lstm

SHAPE = (100, 20)
L, L1L2 = keras.layers, keras.regularizers.L1L2


def listing_of_conv1d():
    """Section 5.1, as printed."""
    return [
        L.Conv1D(32, 3, activation="relu", padding="same"),
        L.MaxPooling1D(pool_size=(2,), strides=None, padding="same"),
        L.BatchNormalization(),
        L.Conv1D(32, 3, activation="relu", padding="same"),
        L.MaxPooling1D(pool_size=(2,), strides=None, padding="same"),
        L.BatchNormalization(),
        L.Flatten(),
        L.Dropout(0.3),
        L.Dense(128, activation="relu", kernel_regularizer=L1L2(l1=1e-3, l2=1e-3)),
        L.Dense(64, activation="relu", kernel_regularizer=L1L2(l1=1e-3, l2=1e-3)),
        L.Dense(7, activation="softmax"),
    ]


def listing_of_lstm():
    """Section 5.2, as printed."""
    return [
        L.LSTM(64, recurrent_dropout=0.2, dropout=0.1, return_sequences=True),
        L.LSTM(32),
        L.Flatten(),
        L.Dense(20, activation="relu"),
        L.Dense(7, activation="softmax"),
    ]


def listing_of_conv1d_lstm():
    """Section 5.3, as printed."""
    return [
        L.Conv1D(32, 3, activation="relu", padding="same"),
        L.MaxPooling1D(pool_size=(2,), strides=None, padding="same"),
        L.BatchNormalization(),
        L.LSTM(64, recurrent_dropout=0.2, dropout=0.1),
        L.Flatten(),
        L.BatchNormalization(),
        L.Dropout(0.3),
        L.Dense(64, activation="relu", kernel_regularizer=L1L2(l1=5e-3, l2=1e-3)),
        L.Dense(7, activation="softmax"),
    ]


# Settings that decide what a layer does in training; shapes, activations and outputs are compared by running it.
SETTINGS = ("rate", "dropout", "recurrent_dropout", "return_sequences", "momentum", "epsilon")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "listing"),
    [(conv1d, listing_of_conv1d), (lstm, listing_of_lstm), (conv1d_lstm, listing_of_conv1d_lstm)],
)
def test_the_listing(model, listing, rng):
    ours, theirs = model(SHAPE, 7), keras.Sequential([keras.Input(SHAPE), *listing()])
    assert [type(layer) for layer in ours.layers] == [type(layer) for layer in theirs.layers]
    for one, other in zip(ours.layers, theirs.layers, strict=True):
        assert one.output.shape == other.output.shape
        assert [getattr(one, name, None) for name in SETTINGS] == [getattr(other, name, None) for name in SETTINGS]
        penalties = [getattr(layer, "kernel_regularizer", None) for layer in (one, other)]
        assert len({str(penalty and penalty.get_config()) for penalty in penalties}) == 1
    ours.set_weights(theirs.get_weights())
    x = rng.normal(size=(3, *SHAPE)).astype(np.float32)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=0, atol=1e-6)
