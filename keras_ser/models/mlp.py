"""One hidden layer on the functionals of a clip."""

import math

import keras


def mlp(input_shape, n_classes):
    """``input_shape`` (functionals,). (2855,) and 9 classes give 372,439 parameters.

    Input: [batch, functionals], as they are. Output: class probabilities [batch, n_classes].
    """
    inputs = keras.Input((math.prod(input_shape),))
    return keras.Model(inputs, hidden_layer(inputs, n_classes), name="mlp")


def hidden_layer(functionals, n_classes):
    """Functionals [batch, functionals], standardised, half of them left out at a time → probabilities.

    To the variance of each, 0.001 is added: what varies by less than that (8 % of them) is damped. (Tried without:
    docs/unseen_speakers.md.)
    """
    layers = keras.layers
    x = layers.BatchNormalization(momentum=0.99, center=False, scale=False)(functionals)
    x = layers.Dropout(0.5)(keras.ops.clip(x, -5.0, 5.0))
    x = layers.Dense(128, activation="relu")(x)
    return layers.Dense(n_classes, activation="softmax")(layers.Dropout(0.5)(x))
