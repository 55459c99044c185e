"""The PyTorch model of the four-corpora report rebuilt: its geometry, its weights and its loss."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax

from keras_ser.models.conv2d_mfcc import conv2d_mfcc
from keras_ser.models.resnet_mfcc import resnet_mfcc

SHAPE = (40, 158, 1)


@pytest.fixture
def model(rng):
    """With weights and moving averages of every size."""
    keras.utils.set_random_seed(0)
    model = conv2d_mfcc(SHAPE, 15)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 2, weight.shape) for weight in layer.get_weights()])
    return model


def test_as_many_parameters_as_the_listing():
    assert conv2d_mfcc(SHAPE, 15).count_params() == 93_807


def by_definition(model, x):
    """PyTorch's forward pass, channels first. [batch, 40, 158] → logits [batch, 15]"""
    x, shapes = x[:, None].astype(np.float64), []
    weights = [layer.get_weights() for layer in model.layers if layer.get_weights()]
    for convolution, normalization in (weights[:2], weights[2:4]):
        windows = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(windows, (3, 3), axis=(2, 3))[:, :, ::2, ::2]
        kernel, bias = convolution  # [3, 3, in, out]
        x = np.einsum("ncyxhw,hwco->noyx", windows, kernel) + bias[:, None, None]
        gamma, beta, mean, variance = (values[:, None, None] for values in normalization)
        x = np.maximum(gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta, 0)
        shapes.append(x.shape[1:])
        x = x[:, :, : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
        x = x.reshape(*x.shape[:2], x.shape[2] // 2, 2, x.shape[3] // 2, 2).max(axis=(3, 5))
        shapes.append(x.shape[1:])
    assert shapes == [(32, 20, 79), (32, 10, 39), (32, 5, 20), (32, 2, 10)]  # as the listing's comments say
    x = x.reshape(len(x), -1)
    for kernel, bias in weights[4:]:
        x = x @ kernel + bias
    return x


def test_it_computes_what_pytorch_does(model, rng):
    x = rng.normal(size=(3, 40, 158)).astype(np.float32)
    expected = np.exp(log_softmax(by_definition(model, x), axis=1))
    np.testing.assert_allclose(model.predict(x[..., None], verbose=0), expected, rtol=0, atol=1e-5)


def test_weights_are_drawn_as_pytorch_draws_them():
    keras.utils.set_random_seed(0)
    layers = [layer for layer in conv2d_mfcc(SHAPE, 15).layers if hasattr(layer, "kernel")]
    for layer, fan_in in zip(layers, (9, 288, 640, 128), strict=True):
        kernel, bias = layer.get_weights()
        assert 0.95 * fan_in**-0.5 < np.abs(kernel).max() <= fan_in**-0.5
        np.testing.assert_allclose(kernel.std(), fan_in**-0.5 / 3**0.5, rtol=0.07)
        assert 0.5 * fan_in**-0.5 < np.abs(bias).max() <= fan_in**-0.5


def test_the_loss_is_taken_from_the_logits(model, rng):
    """A probability that has underflowed to 0 would stop at -log(1e-7) = 16.1."""
    logits = model.get_layer("logits")
    kernel, bias = logits.get_weights()
    logits.set_weights([kernel, bias + 60 * np.eye(15)[0]])
    x, y = rng.normal(size=(4, 40, 158)).astype(np.float32), np.eye(15)[[1, 2, 3, 4]]
    inside = keras.Sequential([keras.Input((40, 158)), keras.layers.Reshape(SHAPE), model])  # as it is trained
    inside.compile(loss="categorical_crossentropy")
    expected = -(y * log_softmax(by_definition(model, x), axis=1)).sum(axis=1).mean()
    assert expected > 30
    np.testing.assert_allclose(inside.evaluate(x, y, verbose=0), expected, rtol=1e-4)


def test_the_residual_network_fits_any_length():
    keras.utils.set_random_seed(0)
    for frames in (158, 77):
        model = resnet_mfcc((40, frames, 1), 15)
        assert model.output_shape == (None, 15)
        assert model.count_params() == 78_751
