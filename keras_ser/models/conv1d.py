"""The Conv1D stack of the TESS report (section 5.1)."""

import keras


def conv1d(input_shape, n_classes):
    """Two convolutions over time, two dense layers with L1 and L2 penalties.

    ``input_shape`` (frames, coefficients). Output: class probabilities [batch, n_classes].
    """
    layers = keras.layers

    def penalty():
        return keras.regularizers.L1L2(l1=1e-3, l2=1e-3)

    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.Conv1D(32, 3, activation="relu", padding="same"),
            layers.MaxPooling1D(2, padding="same"),
            layers.BatchNormalization(),
            layers.Conv1D(32, 3, activation="relu", padding="same"),
            layers.MaxPooling1D(2, padding="same"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(128, activation="relu", kernel_regularizer=penalty()),
            layers.Dense(64, activation="relu", kernel_regularizer=penalty()),
            layers.Dense(n_classes, activation="softmax"),
        ],
        name="conv1d",
    )
