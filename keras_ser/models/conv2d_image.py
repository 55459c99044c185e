"""A Conv2D model on a grey image of the mel spectrogram, of our own design (spectral-features report, section 3.2)."""

import keras


def conv2d_image(input_shape, n_classes, changes=()):
    """Three convolutions, each with batch normalisation and pooling, dropout, one mean over the image.

    ``input_shape`` (height, width, 1). ``changes``: layers that alter an image while training (augmentation). Output:
    class probabilities [batch, n_classes]. Small, and with moving averages that follow within 10 steps: an epoch of 96
    clips has 6.
    """
    layers = keras.layers

    def block(filters, kernel_size, pool_size):
        return [
            layers.Conv2D(filters, kernel_size, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("relu"),
            layers.MaxPooling2D(pool_size),
        ]

    return keras.Sequential(
        [
            keras.Input(input_shape),
            *changes,
            *block(16, 5, (3, 2)),
            *block(32, 3, 2),
            layers.Dropout(0.3),
            *block(64, 3, 2),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.3),
            layers.Dense(n_classes, activation="softmax"),
        ],
        name="conv2d_image",
    )
