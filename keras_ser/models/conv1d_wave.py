"""A Conv1D model on the raw wave, of our own design (spectral-features report, section 3.1).

Not for half precision: the squares of its first convolution leave the range of float16 (bfloat16 holds them).
"""

import keras
import numpy as np

FILTERS = 40
TAPS = 1200  # 25 ms at 48 kHz
# Adam moves every weight by about the learning rate, whatever its size: taps as small as an average's would be another
# filter after a few steps. So they are made this much larger, and the energies smaller by its square. With a hundred
# clips filters that move slowly do best (docs/choosing_networks.md).
GAIN = 1000.0


@keras.saving.register_keras_serializable(package="keras_ser")
class GaborPairs(keras.initializers.Initializer):
    """Filters of a first convolution: cosines, then sines, under Gaussians, evenly spaced in mel (HTK's).

    Args:
        sample_rate: Integer, in Hz.
        fmin, fmax: Floats, the lowest and highest edge in Hz.
        gain: Float, a factor on all taps.

    Shape: (taps, 1, 2 · filters). The squares of a cosine and its sine add up to the energy in their band, times
    ``gain`` squared.

    Source: N. Zeghidour et al., "Learning filterbanks from raw speech for phone recognition", 2018.
    """

    def __init__(self, sample_rate, fmin=60.0, fmax=7800.0, gain=1.0):
        self.sample_rate = sample_rate
        self.fmin = fmin
        self.fmax = fmax
        self.gain = gain

    def __call__(self, shape, dtype=None):
        taps, _, n = shape
        low, high = 2595.0 * np.log10(1.0 + np.array([self.fmin, self.fmax]) / 700.0)
        edges = 700.0 * (10.0 ** (np.linspace(low, high, n // 2 + 2) / 2595.0) - 1.0)  # [n / 2 + 2], Hz
        time = (np.arange(taps) - (taps - 1) / 2) / self.sample_rate
        # As wide in frequency as half the distance to the neighbours' neighbours, as long as the taps allow.
        width = np.sqrt(2.0 * np.log(2.0)) / (np.pi * (edges[2:] - edges[:-2]) / 2)
        width = np.minimum(width, taps / self.sample_rate / 5)
        window = np.exp(-(time[:, None] ** 2) / (2.0 * width**2))  # [taps, n / 2]
        window *= np.sqrt(2.0) / window.sum(axis=0)
        angle = 2.0 * np.pi * edges[1:-1] * time[:, None]
        kernel = np.concatenate([window * np.cos(angle), window * np.sin(angle)], axis=1)
        return keras.ops.convert_to_tensor(self.gain * kernel[:, None], dtype)

    def get_config(self):
        return {"sample_rate": self.sample_rate, "fmin": self.fmin, "fmax": self.fmax, "gain": self.gain}


@keras.saving.register_keras_serializable(package="keras_ser")
class LogEnergy(keras.layers.Layer):
    """Logarithm of the energy in each band of a pair of filters.

    Args:
        scale: Float, a factor on the energy; small energies beside ``1 / scale`` count for nothing.

    Input shape: [batch, frames, 2 · bands], cosines first. Output shape: [batch, frames, bands].
    """

    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, pairs):
        cosine, sine = keras.ops.split(pairs, 2, axis=-1)
        return keras.ops.log(1.0 + self.scale * (keras.ops.square(cosine) + keras.ops.square(sine)))

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


def conv1d_wave(input_shape, n_classes, changes=(), scale=1.0):
    """A filterbank that is learnt from where Gabor filters stand, then three small convolutions over its energies.

    In the spirit of W. Dai et al., "Very deep convolutional neural networks for raw waveforms", 2017 (M5): wide strided
    filters first, batch normalisation and pooling in between; dropout. ``input_shape`` (samples, 1) at 48 kHz;
    ``changes``: layers that alter the energies [batch, frames, FILTERS, 1] while training (augmentation); ``scale``: of
    :class:`LogEnergy`, by the scale of the wave. Output: class probabilities [batch, n_classes].
    """
    layers = keras.layers
    hop_length = 480  # 10 ms
    frames = -(-input_shape[0] // hop_length)

    def block(x, filters, kernel_size, pool_size):
        x = layers.Conv1D(filters, kernel_size, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.Activation("relu")(x)
        x = layers.MaxPooling1D(pool_size)(x) if pool_size > 1 else x
        return layers.Dropout(0.15)(x)

    wave = keras.Input(input_shape)
    x = layers.Conv1D(
        2 * FILTERS,
        TAPS,
        strides=hop_length,
        padding="same",
        use_bias=False,
        kernel_initializer=GaborPairs(48000, gain=GAIN),
    )(wave)
    x = LogEnergy(scale / GAIN**2)(x)  # [batch, frames, FILTERS]
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.Reshape((frames, FILTERS, 1))(x)
    for change in changes:
        x = change(x)
    x = layers.Reshape((frames, FILTERS))(x)
    for filters, kernel_size, pool_size in ((32, 5, 3), (64, 5, 3), (64, 3, 1)):
        x = block(x, filters, kernel_size, pool_size)
    x = layers.Concatenate()([layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)])
    x = layers.Dropout(0.3)(x)
    return keras.Model(wave, layers.Dense(n_classes, activation="softmax")(x), name="conv1d_wave")
