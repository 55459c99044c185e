"""A small network for unseen speakers: convolutions and attention on a log-mel spectrogram, and a second
opinion from functionals of the clip.

No report's. It is the network of the recipe :mod:`keras_ser.recipes.unseen_speakers`.
"""

import math

import keras
import tensorflow as tf

from keras_ser.layers import RandomMasks, RandomTilt, RandomWarp
from keras_ser.models.mlp import hidden_layer

STRIDES = 4  # frames that the convolutions make one of


@keras.saving.register_keras_serializable(package="keras_ser")
class AttentiveStatistics(keras.layers.Layer):
    """Mean and standard deviation of each feature over the frames of a clip, weighted by attention.

    Each head weights a part of the features with weights of its own, which are the softmax, over the frames of the
    clip, of a small network's answer to the frame.

    Args:
        heads: Integer, a divisor of the number of features.
        units: Integer, of that network's hidden layer.

    Input shape:
        features [batch, frames, features]; ``valid`` float32 [batch, frames, 1], 1 where a frame is the clip's, else 0.

    Output shape:
        [batch, 2 · features]; of a clip without frames the mean and deviation of all.

    References:
        K. Okabe, T. Koshinaka, K. Shinoda, "Attentive statistics pooling for deep speaker embedding", 2018.
    """

    def __init__(self, heads: int = 4, units: int = 64, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads
        self.units = units
        self.hidden = keras.layers.Dense(units, activation="tanh")
        self.score = keras.layers.Dense(heads)

    def build(self, features_shape, valid_shape=None):
        self.hidden.build(features_shape)
        self.score.build((*features_shape[:2], self.units))
        self.built = True

    def call(self, features, valid):
        scores = self.score(self.hidden(features)) + (valid - 1.0) * 1e4  # [batch, frames, heads]
        weights = tf.nn.softmax(scores, axis=1)[..., None]
        size = features.shape[2]
        parts = tf.reshape(features, [-1, tf.shape(features)[1], self.heads, size // self.heads])
        mean = tf.reduce_sum(weights * parts, axis=1)  # [batch, heads, features / heads]
        variance = tf.reduce_sum(weights * tf.square(parts), axis=1) - tf.square(mean)
        return tf.reshape(tf.concat([mean, tf.sqrt(tf.maximum(variance, 1e-5))], axis=2), [-1, 2 * size])

    def compute_output_shape(self, features_shape, valid_shape=None):
        return features_shape[0], 2 * features_shape[2]

    def get_config(self):
        return {**super().get_config(), "heads": self.heads, "units": self.units}


@keras.saving.register_keras_serializable(package="keras_ser")
class Opinions(keras.layers.Layer):
    """The mean of several opinions; while training, all of them, each for a loss of its own
    (:class:`keras_ser.training.losses.PossibleCrossentropy`).

    Trained by their mean, the one that learns slowly would hardly learn: what the other knows has no gradient left.

    Input shape:
        A list of [batch, n_classes].

    Output shape:
        [batch, n_classes]; while training [batch, opinions, n_classes].
    """

    def call(self, opinions, training=False):
        return tf.stack(opinions, axis=1) if training else tf.add_n(opinions) / float(len(opinions))

    def compute_output_shape(self, shapes):
        return shapes[0]


def attentive_cnn(input_shape, n_classes, *, n_functionals, piece):
    """Two opinions on a clip, and their mean.

    ``input_shape`` (frames, bands) of the log-mel spectrogram, in which frames of 0 are padding; ``n_functionals`` of
    the clip; ``piece``: frames of the pieces that it is trained on. (200, 64), 2855 and 9 classes give 720,924
    parameters.

    Input: [batch, frames · bands + n_functionals], the spectrogram frame by frame, then the functionals.
    Output: class probabilities [batch, n_classes]; while training those of both opinions, [batch, 2, n_classes].
    """
    layers = keras.layers
    size = math.prod(input_shape)
    inputs = keras.Input((size + n_functionals,))
    spectrogram = layers.Reshape(input_shape)(inputs[:, :size])
    opinions = [of_spectrogram(spectrogram, n_classes, piece), hidden_layer(inputs[:, size:], n_classes)]
    return keras.Model(inputs, Opinions()(opinions), name="attentive_cnn")


def of_spectrogram(spectrogram, n_classes, piece):
    """Convolutions over time and frequency, then over time alone, with residual connections; attention over time."""
    layers = keras.layers
    x = RandomTilt(0.1, 0.15)(RandomWarp(piece)(spectrogram))
    valid = keras.ops.cast(keras.ops.any(x != 0, axis=2, keepdims=True), "float32")  # [batch, frames, 1]
    x = layers.Reshape((-1, spectrogram.shape[2], 1))(x)
    x = RandomMasks(0.12, 0.12)(RandomMasks(0.12, 0.12)(x))
    x = _convolution(layers.Conv2D, x, 24, 5, (2, 2))
    x = _convolution(layers.Conv2D, x, 48, 3, (1, 2))
    x = _convolution(layers.Conv2D, x, 64, 3, (2, 2))  # [batch, frames / 4, bands / 8, 64]
    x = layers.Dropout(0.1)(layers.Reshape((-1, x.shape[2] * x.shape[3]))(x))
    valid = layers.MaxPooling1D(STRIDES, padding="same")(valid)
    x = layers.Multiply()([_convolution(layers.Conv1D, x, 128, 1), valid])
    for dilation in (1, 2, 3):
        branch = layers.Dropout(0.1)(_convolution(layers.Conv1D, x, 128, 3, dilation_rate=dilation))
        branch = layers.BatchNormalization(momentum=0.97)(layers.Conv1D(128, 1, use_bias=False)(branch))
        x = layers.Multiply()([layers.Activation("relu")(layers.Add()([x, branch])), valid])
    x = layers.BatchNormalization(momentum=0.97)(AttentiveStatistics()(x, valid))
    x = layers.Dense(128, activation="relu")(layers.Dropout(0.3)(x))
    return layers.Dense(n_classes, activation="softmax")(layers.Dropout(0.3)(x))


def _convolution(kind, x, filters, size, strides=1, **options):
    """A convolution, normalised by batch, and a rectifier."""
    x = kind(filters, size, strides=strides, padding="same", use_bias=False, **options)(x)
    return keras.layers.Activation("relu")(keras.layers.BatchNormalization(momentum=0.97)(x))
