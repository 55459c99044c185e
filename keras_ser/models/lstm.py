"""The two-layer LSTM of the TESS report (section 5.2)."""

import keras


def lstm(input_shape, n_classes):
    """Two LSTMs over time, the second of which gives its last state.

    ``input_shape`` (frames, coefficients). ``recurrent_dropout`` keeps the first LSTM off cuDNN; the second can run on
    it.
    Output: class probabilities [batch, n_classes].
    """
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.LSTM(64, recurrent_dropout=0.2, dropout=0.1, return_sequences=True),
            layers.LSTM(32),
            layers.Flatten(),
            layers.Dense(20, activation="relu"),
            layers.Dense(n_classes, activation="softmax"),
        ],
        name="lstm",
    )
