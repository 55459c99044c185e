"""Losses that Keras does not have."""

import keras
import tensorflow as tf

from keras_ser.data.digests import code


def get(loss):
    """What Keras compiles a model with: a loss of this module (by its name, or itself) with its accuracy, or the name
    of one of Keras's own with that of one-hot targets.
    """
    loss = PossibleCrossentropy() if loss == PossibleCrossentropy.NAME else loss
    if isinstance(loss, PossibleCrossentropy):
        return {"loss": loss, "metrics": [keras.metrics.MeanMetricWrapper(possible_accuracy, name="accuracy")]}
    return {"loss": loss, "metrics": [keras.metrics.CategoricalAccuracy(name="accuracy")]}


@keras.saving.register_keras_serializable(package="keras_ser")
def possible_accuracy(y_true, y_pred):
    """Whether the class has the greatest probability of those that an example can be of (of several opinions, of their
    mean). Arguments as of :class:`PossibleCrossentropy`. → float32 [batch]
    """
    answer = tf.reduce_mean(y_pred, axis=1) if len(y_pred.shape) == 3 else y_pred
    answer = tf.where(y_true >= 0, answer, -1.0)
    return tf.cast(tf.argmax(answer, axis=1) == tf.argmax(y_true, axis=1), tf.float32)


def facts(loss):
    """What decides about a loss: the name of one of Keras's own; of one of this module its options and code. JSON"""
    if loss != PossibleCrossentropy.NAME:
        return loss
    options = {name: getattr(PossibleCrossentropy(), name) for name in ("name", "outside", "epsilon")}
    return {**options, "code": code(PossibleCrossentropy, targets)}


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

    Corpora know different emotions. What the network gives to those that the example's corpus lacks is hardly a fault:
    the probabilities of the others are divided by their sum. With ``outside`` 0 it is none at all, and nothing keeps a
    network from giving those all it has, and the others too little to be told apart: one that learns fast ends there.

    Args:
        outside: Float, weight of a term that keeps it from that: minus the logarithm of that sum.
        epsilon: Float, the least probability of which a logarithm is taken. Below it nothing has a gradient: a network
            that gives a whole corpus less (1e-7, as Keras has, soon happens) never learns that corpus.

    Of several opinions on an example, each is compared, and the mean is the loss.

    Call arguments:
        y_true: float32 [batch, n_classes], of :func:`targets`.
        y_pred: probabilities [batch, n_classes] or [batch, opinions, n_classes].
    """

    NAME = "possible_crossentropy"

    def __init__(self, outside=0.1, epsilon=1e-37, name=NAME, **kwargs):
        super().__init__(name=name, **kwargs)
        self.outside = outside
        self.epsilon = epsilon

    def get_config(self):
        return {**super().get_config(), "outside": self.outside, "epsilon": self.epsilon}

    def call(self, y_true, y_pred):
        if len(y_pred.shape) == 3:
            return sum(self.call(y_true, opinion) for opinion in tf.unstack(y_pred, axis=1)) / float(y_pred.shape[1])
        possible = tf.cast(y_true >= 0, y_pred.dtype)
        share = tf.reduce_sum(possible * y_pred, axis=1, keepdims=True)
        log_share = tf.math.log(tf.maximum(share, self.epsilon))
        log = tf.math.log(tf.maximum(y_pred, self.epsilon)) - log_share
        return -tf.reduce_sum(possible * y_true * log, axis=1) - self.outside * log_share[:, 0]
