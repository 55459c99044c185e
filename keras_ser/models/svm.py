"""A support vector machine as a Keras model: what scikit-learn has fitted, evaluated in the graph.

So a fitted SVM is stored, reloaded, exported and used for prediction like any other model here.
"""

import itertools

import keras
import numpy as np
import tensorflow as tf

KERNELS = ("rbf", "linear", "poly")
DEGREE = 3  # of the polynomial kernel: scikit-learn's default, as its coef0 of 0


@keras.saving.register_keras_serializable(package="keras_ser")
class KernelMachine(keras.layers.Layer):
    """``sklearn.svm.SVC`` after a standardisation: what its ``predict`` decides comes first.

    Each pair of classes has a decision value and one winner; the class with the most wins is decided for, the first of
    those with as many (libsvm's rule; ``break_ties=True`` would ask the decision values instead). Where a decision
    value is nearer to 0 than float32 resolves (some 1e-6 of the coefficients' sum), a pair can fall to the other
    class than it does in libsvm's float64.

    Args:
        n_classes: Integer.
        n_support: Integer, number of support vectors (0 before it is fitted).
        kernel: one of ``KERNELS``.

    Input shape: features [batch, features].
    Output shape: [batch, n_classes]: ``SVC.decision_function`` ("ovr": wins of a class, and the sum of its decision
        values squashed below a third), and 1 more for the class decided for. Its lead is a third at least, which no
        softmax in float32 rounds away. An order, and no more: the distances mean nothing.

    Raises ValueError for another kernel.
    """

    def __init__(self, n_classes, n_support=0, kernel="rbf", **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        if kernel not in KERNELS:
            raise ValueError(f"`kernel` must be one of {KERNELS}. Received: kernel={kernel!r}")
        self.n_classes = n_classes
        self.n_support = n_support
        self.kernel = kernel

    def build(self, input_shape):
        n_features, n_pairs = input_shape[-1], self.n_classes * (self.n_classes - 1) // 2

        def constant(name, shape, initializer="zeros"):
            return self.add_weight(name=name, shape=shape, initializer=initializer, trainable=False)

        self.mean = constant("mean", (n_features,))
        self.scale = constant("scale", (n_features,), "ones")
        self.support = constant("support", (self.n_support, n_features))
        self.coefficients = constant("coefficients", (self.n_support, n_pairs))
        self.intercept = constant("intercept", (n_pairs,))
        self.gamma = constant("gamma", ())

    def call(self, features):
        x = (features - self.mean) / self.scale
        products = tf.matmul(x, self.support, transpose_b=True)  # [batch, n_support]
        if self.kernel == "rbf":
            squares = tf.reduce_sum(tf.square(x), 1, keepdims=True) + tf.reduce_sum(tf.square(self.support), 1)
            kernel = tf.exp(-self.gamma * tf.maximum(squares - 2.0 * products, 0.0))
        else:
            kernel = products if self.kernel == "linear" else (self.gamma * products) ** DEGREE
        decisions = tf.matmul(kernel, self.coefficients) + self.intercept  # [batch, pairs]
        # Each pair (i, j) of classes speaks for i and against j.
        pairs = list(itertools.combinations(range(self.n_classes), 2))
        first, second = (np.eye(self.n_classes, dtype=np.float32)[list(of)] for of in zip(*pairs, strict=True))
        won = tf.cast(decisions > 0, tf.float32)  # libsvm's rule: at 0 the second wins
        wins = tf.matmul(won, first) + tf.matmul(1.0 - won, second)
        # Less than a win for coming later makes the greatest unique: which of equals argmax takes, it does not promise.
        places = wins - np.arange(self.n_classes, dtype=np.float32) / (2 * self.n_classes)
        decided = tf.cast(places >= tf.reduce_max(places, axis=1, keepdims=True), tf.float32)
        confidence = tf.matmul(decisions, first - second)
        return wins + decided + confidence / (3.0 * (tf.abs(confidence) + 1.0))

    def get_config(self):
        config = {"n_classes": self.n_classes, "n_support": self.n_support, "kernel": self.kernel}
        return {**super().get_config(), **config}


def svm(input_shape, n_classes, n_support=0, kernel="rbf"):
    """Features [batch, *input_shape] → softmax of what :class:`KernelMachine` gives [batch, n_classes]: the greatest is
    the class that scikit-learn's SVM predicts; their size is an order, and no probability.
    """
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Flatten(),
            KernelMachine(n_classes, n_support, kernel, name="machine"),
            keras.layers.Softmax(),
        ],
        name="svm",
    )


def fitted(svc, scaler, input_shape, n_classes):
    """The Keras model of a fitted ``sklearn.svm.SVC`` and the StandardScaler before it (None: there is none).

    A class of 0 … n_classes - 1 that the SVM was not fitted to loses against every other.
    """
    model = svm(input_shape, n_classes, len(svc.support_vectors_), svc.kernel)
    layer = model.get_layer("machine")
    # libsvm keeps, for a support vector of class c, one coefficient for each other class.
    starts = np.concatenate([[0], np.cumsum(svc.n_support_)])
    known = {number: place for place, number in enumerate(svc.classes_)}
    pairs = list(itertools.combinations(range(n_classes), 2))
    coefficients = np.zeros((len(svc.support_vectors_), len(pairs)))
    intercepts = np.array([1.0 if i in known else -1.0 for i, _ in pairs])
    sign = -1.0 if len(known) == 2 else 1.0  # scikit-learn turns the one decision of two classes round
    fitted_pairs = itertools.combinations(known, 2)
    for number, (i, j) in enumerate(fitted_pairs):
        pair, place_i, place_j = pairs.index((i, j)), known[i], known[j]
        of_i, of_j = slice(*starts[place_i : place_i + 2]), slice(*starts[place_j : place_j + 2])
        coefficients[of_i, pair] = sign * svc.dual_coef_[place_j - 1, of_i]
        coefficients[of_j, pair] = sign * svc.dual_coef_[place_i, of_j]
        intercepts[pair] = sign * svc.intercept_[number]
    layer.support.assign(svc.support_vectors_)
    layer.coefficients.assign(coefficients)
    layer.intercept.assign(intercepts)
    layer.gamma.assign(svc._gamma)  # what "scale" came to; there is no public name for it
    if scaler is not None:
        layer.mean.assign(scaler.mean_)
        layer.scale.assign(scaler.scale_)
    return model
