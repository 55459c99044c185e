"""Losses that Keras does not have."""

import keras
import tensorflow as tf


def get(name):
    """What Keras compiles a model with: one of the losses here, or the name of its own."""
    return PossibleCrossentropy() if name == PossibleCrossentropy.NAME else name


def targets(classes, n_classes, possible=None):
    """What a network is to answer. → float32 [examples, n_classes]: 1 for the example's class, 0 for the others, and
    -1 for those that it cannot be of (``possible``, bool [examples, n_classes], None if it can be of any).
    """
    wanted = keras.utils.to_categorical(classes, n_classes).astype("float32")
    if possible is not None:
        wanted[~possible] = -1.0
    return wanted


@keras.saving.register_keras_serializable(package="keras_ser")
class PossibleCrossentropy(keras.losses.Loss):
    """Categorical cross-entropy over the classes that an example can be of.

    Corpora know different emotions. What the network gives to those that the example's corpus lacks is neither reward
    nor fault: the probabilities of the others are divided by their sum.

    Call arguments:
        y_true: float32 [batch, n_classes], of :func:`targets`.
        y_pred: probabilities [batch, n_classes].
    """

    NAME = "possible_crossentropy"

    def __init__(self, name=NAME, **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        possible = tf.cast(y_true >= 0, y_pred.dtype)
        share = tf.reduce_sum(possible * y_pred, axis=1, keepdims=True)
        least = keras.config.epsilon()
        log = tf.math.log(tf.maximum(y_pred, least)) - tf.math.log(tf.maximum(share, least))
        return -tf.reduce_sum(possible * y_true * log, axis=1)
