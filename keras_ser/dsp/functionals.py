"""Functionals: features of frames [batch, frames, features] → what is said of a whole clip [batch, numbers].

In the manner of openSMILE's feature sets (F. Eyben, M. Wöllmer, B. Schuller, "openSMILE", 2010; B. Schuller et al.,
"The INTERSPEECH 2013 computational paralinguistics challenge", 2013): statistics of each descriptor over the frames of
a clip. ``mask`` [batch, frames] says which frames count; a clip of which none counts has zeros.
"""

import numpy as np
import tensorflow as tf

from keras_ser.dsp.cepstrum import dct_matrix
from keras_ser.dsp.deltas import deltas
from keras_ser.dsp.descriptors import DESCRIPTORS

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
STATISTICS = (
    "mean",
    "deviation",
    "skewness",
    "kurtosis",
    *("quantile_01", "quantile_25", "quantile_50", "quantile_75", "quantile_99"),
    *("range_50", "range_90", "range_98"),  # between the quantiles around the median
    "slope",  # covariance with the position in the clip, which goes from -1 to 1
    "change",  # mean absolute difference of frames that follow one another
)

MODULATION_FRAMES = 128  # of a window of the modulation spectrum
MODULATION_HOP = 64
# Bins of a window's transform: 0.8 to 25 Hz at 100 frames per second.
MODULATION_BANDS = ((1, 2), (2, 4), (4, 6), (6, 9), (9, 13), (13, 20), (20, 32))

STEADY = 1e-4  # a deviation below is rounding, and has no skewness
N_CEPSTRA = 20
SPEECH_RANGE = 6.5  # of the natural logarithm of the energy below the loud frames of a clip: 28 dB
VOICED = 0.6  # correlation of a frame with itself one period later


def statistics(features, mask):
    """The ``STATISTICS`` of each feature over the frames of ``mask``. → [batch, statistics · features]

    All features of a statistic follow one another.
    """
    weight = tf.cast(mask, tf.float32)[..., None]  # [batch, frames, 1]
    count = tf.reduce_sum(weight, axis=1)  # [batch, 1]

    def mean_of(values):
        return tf.math.divide_no_nan(tf.reduce_sum(weight * values, axis=1), count)

    mean = mean_of(features)
    centred = features - mean[:, None]
    deviation = tf.sqrt(mean_of(tf.square(centred)))
    standard = centred / tf.maximum(deviation[:, None], STEADY)
    rank = tf.cumsum(weight, axis=1) - 1.0  # of a frame among those that count
    position = 2.0 * rank / tf.maximum(count[:, None] - 1.0, 1.0) - 1.0
    low, least, first, middle, third, most, high = tf.unstack(quantiles(features, mask, QUANTILES), axis=1)
    both = weight[:, 1:] * weight[:, :-1]
    change = tf.reduce_sum(both * tf.abs(features[:, 1:] - features[:, :-1]), axis=1)
    change = tf.math.divide_no_nan(change, tf.reduce_sum(both, axis=1))
    found = [
        *(mean, deviation, mean_of(standard**3), mean_of(standard**4)),
        *(low, first, middle, third, high),
        *(third - first, most - least, high - low),
        *(mean_of(centred * position), change),
    ]
    return tf.concat(found, axis=1)


def quantiles(features, mask, shares):
    """Of each feature over the frames of ``mask``, linear between two frames. → [batch, shares, features]"""
    ordered = tf.sort(tf.where(mask[..., None], features, np.inf), axis=1)
    count = tf.reduce_sum(tf.cast(mask, tf.float32), axis=1, keepdims=True)  # [batch, 1]
    place = tf.constant(shares, tf.float32) * tf.maximum(count - 1.0, 0.0)  # [batch, shares]
    below = tf.cast(place, tf.int32)
    above = tf.minimum(below + 1, tf.cast(tf.maximum(count - 1.0, 0.0), tf.int32))
    part = (place - tf.cast(below, tf.float32))[..., None]
    lower, upper = (tf.gather(ordered, index, batch_dims=1) for index in (below, above))
    return tf.where(count[..., None] > 0, lower + part * (upper - lower), 0.0)


def modulation_spectrum(features, n_frames):
    """How fast each feature moves: the logarithm of the power of its course over time, in ``MODULATION_BANDS``.

    Windows (Hann) of ``MODULATION_FRAMES`` frames, of which a clip has one at least, are averaged; ``n_frames`` int32
    [batch]. → [batch, bands · features]

    Source: H. Hermansky, "The modulation spectrum in the automatic recognition of speech", 1997.
    """
    size = MODULATION_FRAMES
    mask = tf.sequence_mask(n_frames, tf.shape(features)[1], tf.float32)[..., None]
    mean = tf.math.divide_no_nan(tf.reduce_sum(mask * features, axis=1), tf.reduce_sum(mask, axis=1))
    centred = tf.pad(mask * (features - mean[:, None]), [[0, 0], [0, size], [0, 0]])
    windows = tf.signal.frame(centred, size, MODULATION_HOP, axis=1)  # [batch, windows, size, features]
    start = tf.range(tf.shape(windows)[1]) * MODULATION_HOP
    whole = tf.cast((start + size <= n_frames[:, None]) | (start == 0), tf.float32)[..., None]  # [batch, windows, 1]
    angle = 2.0 * np.pi / size * np.outer(np.arange(1, MODULATION_BANDS[-1][1]), np.arange(size))  # [bins, size]
    window = np.hanning(size)
    cosine, sine = ((window * wave(angle)).astype(np.float32) for wave in (np.cos, np.sin))
    power = sum(tf.square(tf.einsum("kt,bwtf->bwkf", part, windows)) for part in (cosine, sine))
    power = tf.math.divide_no_nan(
        tf.reduce_sum(power * whole[..., None], axis=1), tf.reduce_sum(whole, axis=1)[..., None]
    )
    bands = [tf.reduce_mean(power[:, low - 1 : high - 1], axis=1) for low, high in MODULATION_BANDS]
    return tf.math.log(tf.concat(bands, axis=1) + 1e-4)


def of_speech(descriptors, n_mels, n_frames):
    """What the frames of :func:`keras_ser.dsp.descriptors.descriptors` say of each clip. → [batch, numbers]

    Of half as many mel bands, of ``N_CEPSTRA`` cepstral coefficients and of all descriptors but the pitch: their
    statistics over all frames, those of their slopes, those over the frames with speech; statistics of the pitch over
    the frames with voice; how the voice comes and goes; the modulation spectrum of the bands and the energy.

    ``n_frames``: int32 [batch], None if every clip fills its row.
    """
    n_row = tf.shape(descriptors)[1]
    n_frames = tf.fill(tf.shape(descriptors)[:1], n_row) if n_frames is None else n_frames
    inside = tf.sequence_mask(n_frames, n_row)
    mel, others = descriptors[..., :n_mels], descriptors[..., n_mels:]
    named = {name: others[..., place] for place, name in enumerate(DESCRIPTORS)}  # [batch, frames] each
    pairs = tf.reshape(mel, tf.concat([tf.shape(mel)[:2], [n_mels // 2, 2]], axis=0))
    bands = tf.reduce_logsumexp(pairs, axis=3)
    cepstra = tf.matmul(mel, dct_matrix(n_mels, N_CEPSTRA))
    pitchless = [name for name in DESCRIPTORS if name != "log2_f0"]
    frames = tf.concat([bands, cepstra, tf.stack([named[name] for name in pitchless], axis=2)], axis=2)
    slopes = deltas(frames, width=3, mode="nearest", n_frames=n_frames)
    energy = named["log_energy"]
    loud = quantiles(energy[..., None], inside, (0.98,))[..., 0]  # [batch, 1]
    speech = inside & (energy > loud - SPEECH_RANGE)
    voiced = speech & (named["voicing"] > VOICED)
    return tf.concat(
        [
            statistics(frames, inside),
            statistics(slopes, inside),
            statistics(frames, speech),
            statistics(named["log2_f0"][..., None], voiced),
            _voice(inside, speech, voiced),
            modulation_spectrum(tf.concat([bands, energy[..., None]], axis=2), n_frames),
        ],
        axis=1,
    )


def size(n_mels):
    """How many numbers :func:`of_speech` gives."""
    bands, frames = n_mels // 2, n_mels // 2 + N_CEPSTRA + len(DESCRIPTORS) - 1
    return len(STATISTICS) * (3 * frames + 1) + 6 + len(MODULATION_BANDS) * (bands + 1)


def _voice(inside, speech, voiced):
    """Shares of speech and voice, runs of voice per frame of speech, their mean length. → [batch, 6]"""
    frames, with_speech, with_voice = (
        tf.reduce_sum(tf.cast(mask, tf.float32), axis=1) for mask in (inside, speech, voiced)
    )
    runs = tf.reduce_sum(tf.cast(voiced & ~tf.pad(voiced, [[0, 0], [1, 0]])[:, :-1], tf.float32), axis=1)
    shares = [
        tf.math.divide_no_nan(part, whole)
        for part, whole in ((with_speech, frames), (with_voice, frames), (runs, with_speech), (with_voice, runs))
    ]
    return tf.stack([*shares, with_speech / 100.0, frames / 100.0], axis=1)
