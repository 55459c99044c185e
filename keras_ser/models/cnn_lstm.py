"""The TimeDistributed CNN-LSTM of the Emo-DB report (section D)."""

import keras

from keras_ser.models.columns import ColumnConv2D, ColumnMaxPooling2D, FoldedTimeDistributed


def cnn_lstm(input_shape, n_classes, lstm_activation="relu"):
    """A small CNN on every step of a sequence, then two LSTMs over the sequence.

    ``input_shape`` (steps, height, 1, 1). The report's code feeds (13, 150, 1, 1): its steps are the 13
    coefficients, so its LSTMs run over cepstral order, and 7 classes give 1,479,047 parameters. Its prose speaks of
    time: that reading is (150, 13, 1, 1).
    ``lstm_activation``: relu as listed; with tanh the LSTMs can run on cuDNN.
    Output: class probabilities [batch, n_classes].
    """
    layers = keras.layers

    return keras.Sequential(
        [
            keras.Input(input_shape),
            FoldedTimeDistributed(ColumnConv2D(32, (3, 3), activation="relu", padding="same")),
            FoldedTimeDistributed(ColumnMaxPooling2D((2, 1), padding="same")),
            FoldedTimeDistributed(ColumnConv2D(64, (3, 3), activation="relu", padding="same")),
            FoldedTimeDistributed(ColumnMaxPooling2D((2, 1), padding="same")),
            FoldedTimeDistributed(layers.Flatten()),
            layers.LSTM(128, activation=lstm_activation, return_sequences=True),
            layers.LSTM(128, activation=lstm_activation),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(n_classes, activation="softmax"),
        ],
        name="cnn_lstm",
    )
