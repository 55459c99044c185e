"""The Conv2D model of the CREMA-D report (section 10.3)."""

import keras


def conv2d_mel(input_shape, n_classes):
    """Three convolutions over the mel spectrogram as an image.

    ``input_shape`` (mels, frames, 1): (128, 80, 1) in the report, where 6 classes give 3,105,990 parameters. Output:
    class probabilities [batch, n_classes].
    """
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.Conv2D(32, 7, activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.BatchNormalization(),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Dropout(0.3),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dense(128, activation="relu"),
            layers.Dense(n_classes, activation="softmax"),
        ],
        name="conv2d_mel",
    )
