"""A Conv1D model on the raw wave, ours to design (spectral-features report, section 3.1)."""

import keras


def conv1d_wave(input_shape, n_classes):
    """Wide strided filters first, then narrow ones, batch normalisation and pooling in between, one mean over time.

    After W. Dai, C. Dai, S. Qu, J. Li, S. Das, "Very deep convolutional neural networks for raw waveforms", 2017 (M5),
    with dropout. ``input_shape`` (samples, 1). Output: class probabilities [batch, n_classes].
    """
    layers = keras.layers

    def block(filters, kernel_size, strides=1):
        return [
            layers.Conv1D(filters, kernel_size, strides=strides, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("relu"),
            layers.MaxPooling1D(4),
        ]

    return keras.Sequential(
        [
            keras.Input(input_shape),
            *block(32, 480, strides=48),  # 10 ms every millisecond at 48 kHz
            *block(32, 5),
            *block(64, 5),
            *block(64, 3),
            layers.GlobalAveragePooling1D(),
            layers.Dropout(0.3),
            layers.Dense(n_classes, activation="softmax"),
        ],
        name="conv1d_wave",
    )
