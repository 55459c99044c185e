"""The Conv1D stack of the CREMA-D report (section 10.2)."""

import keras


def conv1d_stack(input_shape, n_classes):
    """Seven convolutions along the stacked features, pooled five times.

    ``input_shape`` (features, 1): (816, 1) in the report, where 6 classes give 2,105,094 parameters, (1392, 1) in its
    second run, 2,694,918. Output: class probabilities [batch, n_classes].
    """
    layers = keras.layers

    def convolution(filters, kernel_size):
        return layers.Conv1D(filters, kernel_size, padding="same", activation="relu")

    def pooling(pool_size):
        return layers.MaxPooling1D(pool_size, strides=2, padding="same")

    return keras.Sequential(
        [
            keras.Input(input_shape),
            convolution(128, 5),
            convolution(64, 5),
            layers.BatchNormalization(),
            pooling(5),
            convolution(128, 5),
            convolution(128, 5),
            layers.BatchNormalization(),
            pooling(5),
            convolution(256, 5),
            convolution(256, 5),
            layers.BatchNormalization(),
            pooling(5),
            convolution(256, 3),
            layers.BatchNormalization(),
            pooling(5),
            convolution(512, 3),
            layers.BatchNormalization(),
            pooling(3),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.BatchNormalization(),
            layers.Dense(n_classes, activation="softmax"),
        ],
        name="conv1d_stack",
    )
