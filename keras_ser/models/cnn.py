"""The two-layer Conv2D network of the Emo-DB report (section C)."""

import keras


def cnn(input_shape, n_classes):
    """Conv2D network over an image of the features.

    ``input_shape`` (coefficients, frames, 1): (13, 150, 1) in the report, where 7 classes give 314,759 parameters.
    Output: class probabilities [batch, n_classes].
    """
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(n_classes, activation="softmax"),
        ],
        name="cnn",
    )
