"""Normalisation by statistics of a training set, gathered in one pass."""

import keras
import tensorflow as tf

from keras_ser.layers.contract import FEATURES, Checked


@keras.saving.register_keras_serializable(package="keras_ser")
class RunningNormalization(Checked, keras.layers.Normalization):
    """Subtract the mean of each feature and divide by its standard deviation over a training set, frames of padding
    excluded.

    A frame in which every feature is 0 is padding, as for ``keras.layers.Masking``: it counts for nothing and stays 0.
    State, application and saving are those of ``keras.layers.Normalization``, which knows no padding; its ``adapt``
    is replaced by one pass inside the graph, in float64, whose memory does not grow with the number of clips.

    Args:
        name: String, or None for one that Keras gives.
        trainable: Boolean; nothing of it is trained either way.

    Input shape:
        features [batch, frames, features].

    Output shape:
        The same.

    Example:

    >>> layer = RunningNormalization()
    >>> layer.adapt(keras.random.normal((8, 32, 13)))
    >>> layer(keras.random.normal((2, 32, 13))).shape
    TensorShape([2, 32, 13])

    References:
        The TESS report, section 5 ("running mean and running std"). Batches are merged as in T. F. Chan, G. H. Golub,
        R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
    """

    accepts = FEATURES

    def __init__(self, name: str | None = None, trainable: bool = True):
        super().__init__(axis=-1, name=name, trainable=trainable, dtype="float32")

    def adapt(self, data):
        """Take mean and variance from ``data``: a tf.data.Dataset of [batch, frames, features], or one such array."""
        if not isinstance(data, tf.data.Dataset):
            data = tf.data.Dataset.from_tensors(data)
        n_features = data.element_spec.shape[-1]
        if not self.built:
            self.build((None, None, n_features))
        nothing = tf.zeros([], tf.float64), tf.zeros([n_features], tf.float64), tf.zeros([n_features], tf.float64)
        count, mean, squares = data.reduce(nothing, _merge)
        if count == 0:
            raise ValueError("RunningNormalization has seen no frame that is not padding")
        self.adapt_mean.assign(tf.cast(mean, tf.float32))
        self.adapt_variance.assign(tf.cast(squares / count, tf.float32))
        self.finalize_state()

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        padding = keras.ops.all(inputs == 0, axis=-1, keepdims=True)
        # Of the variables, and not of constants as Keras has them: a graph that is traced follows the next `adapt`.
        deviation = keras.ops.maximum(keras.ops.sqrt(self.adapt_variance), keras.config.epsilon())
        return keras.ops.where(padding, 0.0, (inputs - self.adapt_mean) / deviation)

    def get_config(self):
        return {name: value for name, value in super().get_config().items() if name in ("name", "trainable")}


def _merge(state, batch):
    """Number of frames, mean and sum of squared deviations [features], with a batch more."""
    count, mean, squares = state
    frames = tf.boolean_mask(batch, tf.reduce_any(batch != 0, axis=-1))  # [frames, features]
    frames = tf.cast(frames, tf.float64)
    n_frames = tf.cast(tf.shape(frames)[0], tf.float64)
    batch_mean = tf.math.divide_no_nan(tf.reduce_sum(frames, axis=0), n_frames)
    batch_squares = tf.reduce_sum((frames - batch_mean) ** 2, axis=0)
    total = count + n_frames
    share = tf.math.divide_no_nan(n_frames, total)
    apart = batch_mean - mean
    return total, mean + apart * share, squares + batch_squares + apart**2 * count * share
