"""The fast layers against the Keras layers that they stand for: outputs and gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ser.models.columns import ColumnConv2D, ColumnMaxPooling2D, FoldedTimeDistributed

L = keras.layers


def stack(conv, pool, each_step, height):
    return keras.Sequential(
        [
            keras.Input((4, height, 1, 2)),
            each_step(conv(3, (3, 3), activation="relu", padding="same")),
            each_step(pool((2, 1), padding="same")),
            each_step(conv(5, (5, 3), activation="tanh", padding="same")),
            each_step(pool((2, 1), padding="same")),
            each_step(L.Flatten()),
        ]
    )


@pytest.mark.parametrize("height", [8, 13, 15])
def test_same_numbers_and_gradients_as_keras(rng, height):
    theirs = stack(L.Conv2D, L.MaxPooling2D, L.TimeDistributed, height)
    ours = stack(ColumnConv2D, ColumnMaxPooling2D, FoldedTimeDistributed, height)
    ours.set_weights(theirs.get_weights())
    x = tf.constant(rng.normal(size=(3, 4, height, 1, 2)), tf.float32)
    results = []
    for model in (theirs, ours):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = model(x)
            loss = tf.reduce_sum(tf.sin(y))
        results.append((y, tape.gradient(loss, [x, *model.trainable_weights])))
    np.testing.assert_allclose(results[0][0], results[1][0], atol=1e-5)
    for expected, found in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(expected, found, atol=1e-4)


@pytest.mark.slow
def test_reloads(rng, tmp_path):
    model = stack(ColumnConv2D, ColumnMaxPooling2D, FoldedTimeDistributed, 9)
    model.save(tmp_path / "model.keras")
    x = rng.normal(size=(2, 4, 9, 1, 2)).astype(np.float32)
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras").predict(x), model.predict(x))
