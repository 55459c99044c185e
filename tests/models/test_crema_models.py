"""The two networks of the CREMA-D report: layer by layer as its listings have them."""

import keras
import numpy as np
import pytest

from keras_ser.models.conv1d_stack import conv1d_stack
from keras_ser.models.conv2d_mel import conv2d_mel

L = keras.layers


def conv(filters, kernel_size):
    return L.Conv1D(filters, kernel_size=kernel_size, strides=1, padding="same", activation="relu")


def listing_of_conv1d_stack():
    """Section 10.2.2, as printed."""
    return [
        *(conv(128, 5), conv(64, 5), L.BatchNormalization(), L.MaxPooling1D(pool_size=5, strides=2, padding="same")),
        *(conv(128, 5), conv(128, 5), L.BatchNormalization(), L.MaxPooling1D(pool_size=5, strides=2, padding="same")),
        *(conv(256, 5), conv(256, 5), L.BatchNormalization(), L.MaxPooling1D(pool_size=5, strides=2, padding="same")),
        *(conv(256, 3), L.BatchNormalization(), L.MaxPooling1D(pool_size=5, strides=2, padding="same")),
        *(conv(512, 3), L.BatchNormalization(), L.MaxPooling1D(pool_size=3, strides=2, padding="same")),
        *(L.Flatten(), L.Dense(64, activation="relu"), L.BatchNormalization(), L.Dense(6, activation="softmax")),
    ]


def listing_of_conv2d_mel():
    """Section 10.3.2, as printed."""
    return [
        *(L.Conv2D(filters=32, kernel_size=7, activation="relu"), L.MaxPooling2D(pool_size=(2, 2))),
        *(L.BatchNormalization(), L.Conv2D(filters=64, kernel_size=(3, 3), activation="relu")),
        *(L.MaxPooling2D(pool_size=(2, 2)), L.Dropout(0.3)),
        *(L.Conv2D(filters=64, kernel_size=(3, 3), activation="relu"), L.MaxPooling2D(pool_size=(2, 2))),
        *(L.Flatten(), L.Dense(units=512, activation="relu"), L.Dense(units=128, activation="relu")),
        L.Dense(units=6, activation="softmax"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "shape", "listing", "parameters", "trainable"),
    [
        (conv1d_stack, (816, 1), listing_of_conv1d_stack, 2_105_094, 2_102_534),
        (conv1d_stack, (1392, 1), listing_of_conv1d_stack, 2_694_918, 2_692_358),
        (conv2d_mel, (128, 80, 1), listing_of_conv2d_mel, 3_105_990, 3_105_926),
    ],
)
def test_the_listing(model, shape, listing, parameters, trainable, rng):
    ours, theirs = model(shape, 6), keras.Sequential([keras.Input(shape), *listing()])
    assert ours.count_params() == parameters
    assert sum(weight.numpy().size for weight in ours.trainable_weights) == trainable
    assert [type(layer) for layer in ours.layers] == [type(layer) for layer in theirs.layers]
    assert [layer.output.shape for layer in ours.layers] == [layer.output.shape for layer in theirs.layers]
    assert [getattr(layer, "rate", None) for layer in ours.layers] == [
        getattr(layer, "rate", None) for layer in theirs.layers
    ]
    ours.set_weights(theirs.get_weights())
    x = rng.normal(size=(2, *shape)).astype(np.float32)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=0, atol=1e-6)
