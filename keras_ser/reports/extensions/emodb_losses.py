"""The CNN-LSTM as section D's prose suggests: over 150 frames in time, where the code runs over 13 coefficients."""

import functools

import keras

from keras_ser.models.cnn_lstm import cnn_lstm
from keras_ser.reports.emodb_losses import FRONT_END, N_FRAMES, N_MFCC, TRAINING
from keras_ser.reports.specification import Experiment

OVER_TIME = "the LSTMs run over 150 frames in time, as the report's prose suggests, not over 13 coefficients"


def cnn_lstm_over_time(n_classes, lstm_activation):
    """150 steps in time of 13 × 1 × 1."""
    return cnn_lstm((N_FRAMES, N_MFCC + 1, 1, 1), n_classes, lstm_activation)


def time_first():
    """[batch, 13, 150] → [batch, 150, 13]"""
    return [keras.layers.Permute((2, 1))]


EXPERIMENTS = tuple(
    Experiment(
        f"cnn_lstm_over_time_{activation}/categorical_crossentropy",
        FRONT_END,
        functools.partial(cnn_lstm_over_time, lstm_activation=activation),
        "categorical_crossentropy",
        TRAINING,
        before=time_first,
        extension=True,
        note=note,
    )
    for activation, note in (("relu", OVER_TIME), ("tanh", f"{OVER_TIME}; tanh instead of relu, which cuDNN can run"))
)
