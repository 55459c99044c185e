"""The two networks of the Emo-DB report: layer by layer as its listing has them."""

import keras
import numpy as np
import pytest

from keras_ser.models.cnn import cnn
from keras_ser.models.cnn_lstm import cnn_lstm

CNN_SHAPE, CNN_LSTM_SHAPE = (13, 150, 1), (13, 150, 1, 1)


def listing_of_cnn(n_classes):
    """Section C, as printed."""
    L = keras.layers
    return keras.Sequential(
        [
            keras.Input(CNN_SHAPE),
            L.Conv2D(32, kernel_size=(3, 3), activation="relu"),
            L.MaxPooling2D(pool_size=(2, 2)),
            L.Conv2D(64, kernel_size=(3, 3), activation="relu"),
            L.MaxPooling2D(pool_size=(2, 2)),
            L.Flatten(),
            L.Dense(128, activation="relu"),
            L.Dropout(0.5),
            L.Dense(n_classes, activation="softmax"),
        ]
    )


def listing_of_cnn_lstm(n_classes):
    """Section D, as printed."""
    L = keras.layers
    return keras.Sequential(
        [
            keras.Input(CNN_LSTM_SHAPE),
            L.TimeDistributed(L.Conv2D(32, kernel_size=(3, 3), activation="relu", padding="same")),
            L.TimeDistributed(L.MaxPooling2D(pool_size=(2, 1), padding="same")),
            L.TimeDistributed(L.Conv2D(64, kernel_size=(3, 3), activation="relu", padding="same")),
            L.TimeDistributed(L.MaxPooling2D(pool_size=(2, 1), padding="same")),
            L.TimeDistributed(L.Flatten()),
            L.LSTM(128, activation="relu", return_sequences=True),
            L.LSTM(128, activation="relu"),
            L.Dense(128, activation="relu"),
            L.Dropout(0.5),
            L.Dense(n_classes, activation="softmax"),
        ]
    )


MODELS = {
    "cnn": (lambda n: cnn(CNN_SHAPE, n), listing_of_cnn, 314_759),
    "cnn_lstm": (lambda n: cnn_lstm(CNN_LSTM_SHAPE, n), listing_of_cnn_lstm, 1_479_047),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_the_listing(name, rng):
    ours, theirs, parameters = MODELS[name]
    ours, theirs = ours(7), theirs(7)
    assert ours.count_params() == theirs.count_params() == parameters
    assert [layer.output.shape for layer in ours.layers] == [layer.output.shape for layer in theirs.layers]
    assert [layer.rate for layer in ours.layers if isinstance(layer, keras.layers.Dropout)] == [0.5]
    ours.set_weights(theirs.get_weights())
    x = rng.uniform(-1, 1, (3, *ours.input_shape[1:])).astype(np.float32)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_probabilities_of_as_many_classes_as_asked_for(name, rng):
    model = MODELS[name][0](4)
    probabilities = model(rng.uniform(-1, 1, (3, *model.input_shape[1:])).astype(np.float32)).numpy()
    assert probabilities.shape == (3, 4)
    assert (probabilities > 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_activation_of_both_lstms(activation):
    model = cnn_lstm(CNN_LSTM_SHAPE, 7, activation)
    lstms = [layer for layer in model.layers if isinstance(layer, keras.layers.LSTM)]
    assert [layer.activation.__name__ for layer in lstms] == [activation] * 2
    assert all(layer.recurrent_activation.__name__ == "sigmoid" for layer in lstms)


def test_the_reading_of_the_prose_has_150_steps_in_time():
    model = cnn_lstm((150, 13, 1, 1), 7)
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.LSTM))
    assert first.input.shape == (None, 150, 4 * 64)  # 13 → 7 → 4 coefficients, 64 channels
    assert first.output.shape == (None, 150, 128)
