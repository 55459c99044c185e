"""The CNN-LSTM of the TESS report (section 5.3)."""

import keras


def conv1d_lstm(input_shape, n_classes):
    """A convolution over time, pooled by two, then an LSTM.

    ``input_shape`` (frames, coefficients). Output: class probabilities [batch, n_classes].
    """
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.Conv1D(32, 3, activation="relu", padding="same"),
            layers.MaxPooling1D(2, padding="same"),
            layers.BatchNormalization(),
            layers.LSTM(64, recurrent_dropout=0.2, dropout=0.1),
            layers.Flatten(),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(64, activation="relu", kernel_regularizer=keras.regularizers.L1L2(l1=5e-3, l2=1e-3)),
            layers.Dense(n_classes, activation="softmax"),
        ],
        name="conv1d_lstm",
    )
