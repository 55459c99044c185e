"""Functionals: features of frames [batch, frames, features] → what is said of a whole clip [batch, numbers].

In the manner of openSMILE's feature sets (F. Eyben, M. Wöllmer, B. Schuller, "openSMILE", 2010; B. Schuller et al.,
"The INTERSPEECH 2013 computational paralinguistics challenge", 2013): statistics of each descriptor over the frames of
a clip. ``mask`` [batch, frames] says which frames count; a clip of which none counts has zeros.
"""

import numpy as np
import tensorflow as tf

from keras_ser.dsp.cepstrum import dct_matrix
from keras_ser.dsp.descriptors import DESCRIPTORS, running_sum
from keras_ser.dsp.spectrum import root

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
    n_features = features.shape[2]
    found = _statistics(features, _sorted(features, mask), _masks(mask), [(0, n_features)])
    return tf.reshape(found, [-1, len(STATISTICS) * n_features])


def _masks(*masks):
    """bool [batch, frames] each → float32 [batch, frames, masks]"""
    return tf.cast(tf.stack(masks, axis=2), tf.float32)


def _statistics(features, ordered, masks, spans):
    """The ``STATISTICS`` of the features of each span over the frames of its mask. → [batch, statistics, columns]

    ``ordered``: of all features over the frames of the first mask, which holds those of the others; ``spans``: for each
    mask the first feature and the one after the last.
    """
    columns = tf.concat([features[..., first:last] for first, last in spans], axis=2)
    own = np.repeat(np.eye(len(spans), dtype=np.float32), [last - first for first, last in spans], axis=1)
    counts = tf.reduce_sum(masks, axis=1)  # [batch, masks]
    count = tf.matmul(counts, own)  # [batch, columns]

    def summed(weights, values):  # the values of each column by the weights of its mask
        return tf.reduce_sum(tf.matmul(weights, values, transpose_a=True) * own, axis=1)

    def mean_of(values):
        return tf.math.divide_no_nan(tf.reduce_sum(values, axis=1), count)

    weight = tf.matmul(masks, own)  # [batch, frames, columns]
    mean = mean_of(weight * columns)
    centred = weight * (columns - mean[:, None])
    squared = tf.square(centred)
    deviation = root(mean_of(squared))
    unit = tf.maximum(deviation, STEADY)
    rank = tf.cumsum(masks, axis=1) - 1.0  # of a frame among those that count
    position = 2.0 * rank / tf.maximum(counts[:, None] - 1.0, 1.0) - 1.0
    slope = tf.math.divide_no_nan(summed(position, centred), count)
    both = masks[:, 1:] * masks[:, :-1]
    change = summed(both, tf.abs(columns[:, 1:] - columns[:, :-1]))
    change = tf.math.divide_no_nan(change, tf.matmul(tf.reduce_sum(both, axis=1), own))
    skewness, kurtosis = mean_of(squared * centred) / unit**3, mean_of(tf.square(squared)) / unit**4
    low, least, first, middle, third, most, high = tf.unstack(_quantiles(ordered, masks, spans, QUANTILES), axis=2)
    found = [
        *(mean, deviation, skewness, kurtosis),
        *(low, first, middle, third, high),
        *(third - first, most - least, high - low),
        *(slope, change),
    ]
    return tf.stack(found, axis=1)


def _sorted(features, mask):
    """Each feature over the frames of ``mask``, greatest first. → values (as :func:`_whole_numbers`), frames: int32
    [batch, features, frames] each
    """
    rows = tf.transpose(tf.where(mask[..., None], features, -np.inf), [0, 2, 1])
    return tf.math.top_k(_whole_numbers(tf.bitcast(rows, tf.int32)), tf.shape(rows)[2])


def _whole_numbers(bits):
    """The bits of floats → whole numbers in the same order, which are sorted a quarter faster; and back."""
    return tf.where(bits < 0, tf.bitwise.bitwise_xor(bits, 0x7FFFFFFF), bits)


def _quantiles(ordered, masks, spans, shares):
    """Linear between two frames; arguments as of :func:`_statistics`. → [batch, columns, shares]"""
    mask_of = np.repeat(np.arange(len(spans)), [end - start for start, end in spans])  # [columns]
    counts = tf.reduce_sum(masks, axis=1)[..., None]  # [batch, masks, 1]
    greatest = tf.maximum(counts - 1.0, 0.0)  # rank
    rank = greatest * np.float32(shares)  # [batch, masks, shares]
    below = tf.floor(rank)
    behind = tf.concat([greatest - below, tf.maximum(greatest - below - 1.0, 0.0)], axis=2)  # so many are greater
    (start, end), *others = spans
    found = [tf.gather(ordered[0][:, start:end], tf.cast(behind[:, 0], tf.int32), axis=2, batch_dims=1)]
    if others:  # the frame by which one more of those of the mask has gone by
        values, frames = (tf.concat([of_all[:, start:end] for start, end in others], axis=1) for of_all in ordered)
        n_clips, n_row, n_masks = tf.unstack(tf.shape(masks))
        place = (tf.range(n_clips)[:, None, None] * n_row + frames) * n_masks + mask_of[mask_of > 0][:, None]
        gone = running_sum(tf.gather_nd(tf.reshape(masks, [-1]), place[..., None]))
        index = tf.searchsorted(gone, tf.gather(behind + 1.0, mask_of[mask_of > 0], axis=1))
        found.append(tf.gather(values, tf.minimum(index, n_row - 1), batch_dims=2))
    found = tf.bitcast(_whole_numbers(tf.concat(found, axis=1)), tf.float32)
    lower, upper = tf.split(found, 2, axis=2)
    part, some = (tf.gather(of_mask, mask_of, axis=1) for of_mask in (rank - below, counts > 0))
    return tf.where(some, lower + part * (upper - lower), 0.0)


def modulation_spectrum(features, n_frames):
    """How fast each feature moves: the logarithm of the power of its course over time, in ``MODULATION_BANDS``.

    Windows (Hann) of ``MODULATION_FRAMES`` frames, of which a clip has one at least, are averaged; ``n_frames`` int32
    [batch]. → [batch, bands · features]

    Source: H. Hermansky, "The modulation spectrum in the automatic recognition of speech", 1997.
    """
    size, hop = MODULATION_FRAMES, MODULATION_HOP
    n_row = tf.shape(features)[1]
    mask = tf.sequence_mask(n_frames, n_row, tf.float32)[..., None]
    mean = tf.math.divide_no_nan(tf.reduce_sum(mask * features, axis=1), tf.reduce_sum(mask, axis=1))
    n_windows, n_features = 1 + n_row // hop, features.shape[2]
    centred = tf.pad(mask * (features - mean[:, None]), [[0, 0], [0, (n_windows + 1) * hop - n_row], [0, 0]])
    halves = tf.reshape(tf.transpose(centred, [0, 2, 1]), [-1, hop])  # of windows
    angle = 2.0 * np.pi / size * np.outer(np.arange(size), np.arange(1, MODULATION_BANDS[-1][1]))  # [size, bins]
    waves = np.hanning(size)[:, None] * np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    as_either = np.concatenate(np.split(waves, 2), axis=1)  # the first half, the second half
    turned = tf.matmul(halves, as_either.astype(np.float32))
    turned = tf.reshape(turned, [-1, n_features, n_windows + 1, 2, waves.shape[1]])
    power = tf.square(turned[:, :, :-1, 0] + turned[:, :, 1:, 1])  # [batch, features, windows, 2 · bins]
    start = tf.range(n_windows) * hop
    whole = tf.cast((start + size <= n_frames[:, None]) | (start == 0), tf.float32)  # [batch, windows]
    whole = whole / tf.reduce_sum(whole, axis=1, keepdims=True)
    bins = np.tile(np.arange(1, MODULATION_BANDS[-1][1]), 2)[:, None]
    bands = np.concatenate([((low <= bins) & (bins < high)) / (high - low) for low, high in MODULATION_BANDS], axis=1)
    power = tf.reduce_sum(tf.matmul(power, bands.astype(np.float32)) * whole[:, None, :, None], axis=2)
    return tf.math.log(tf.reshape(tf.transpose(power, [0, 2, 1]), [-1, bands.shape[1] * n_features]) + 1e-4)


def of_speech(descriptors, n_mels, n_frames):
    """What the frames of :func:`keras_ser.dsp.descriptors.descriptors` say of each clip. → [batch, numbers]

    Of half as many mel bands, of ``N_CEPSTRA`` cepstral coefficients and of all descriptors but the pitch: their
    statistics over all frames, those of their slopes, those over the frames with speech; statistics of the pitch over
    the frames with voice; how the voice comes and goes; the modulation spectrum of the bands and the energy.

    ``n_frames``: int32 [batch], None if every clip fills its row.
    """
    descriptors = tf.ensure_shape(descriptors, [None, None, n_mels + len(DESCRIPTORS)])
    n_row = tf.shape(descriptors)[1]
    n_frames = tf.fill(tf.shape(descriptors)[:1], n_row) if n_frames is None else n_frames
    inside = tf.sequence_mask(n_frames, n_row)
    mel, others = descriptors[..., :n_mels], descriptors[..., n_mels:]
    named = {name: others[..., place] for place, name in enumerate(DESCRIPTORS)}  # [batch, frames] each
    pairs = tf.unstack(tf.reshape(mel, tf.concat([tf.shape(mel)[:2], [n_mels // 2, 2]], axis=0)), axis=3)
    louder = tf.maximum(*pairs)
    bands = louder + tf.math.log(1.0 + tf.exp(tf.minimum(*pairs) - louder))
    cepstra = tf.matmul(mel, dct_matrix(n_mels, N_CEPSTRA))
    place = DESCRIPTORS.index("log2_f0")
    frames = tf.concat([bands, cepstra, others[..., :place], others[..., place + 1 :]], axis=2)
    # Half the difference of the frames before and after; a clip goes on as its first and its last frame.
    go_on = tf.pad(inside[:, 1:], [[0, 0], [0, 1]])
    after = tf.where(go_on[..., None], tf.pad(frames[:, 1:], [[0, 0], [0, 1], [0, 0]]), frames)
    slopes = 0.5 * (after - tf.concat([frames[:, :1], frames[:, :-1]], axis=1))
    features = tf.concat([frames, slopes, others[..., place : place + 1]], axis=2)
    ordered = _sorted(features, inside)
    n, energy = frames.shape[2], bands.shape[2] + N_CEPSTRA + DESCRIPTORS.index("log_energy")
    loud = _quantiles([part[:, energy : energy + 1] for part in ordered], _masks(inside), [(0, 1)], (0.98,))[..., 0]
    speech = inside & (named["log_energy"] > loud - SPEECH_RANGE)
    voiced = speech & (named["voicing"] > VOICED)
    masks = _masks(inside, speech, voiced)
    found = _statistics(features, ordered, masks, [(0, 2 * n), (0, n), (2 * n, 2 * n + 1)])
    groups = tf.split(found, [n, n, n, 1], axis=2)
    return tf.concat(
        [
            *(tf.reshape(group, [-1, len(STATISTICS) * group.shape[2]]) for group in groups),
            _voice(masks),
            modulation_spectrum(tf.concat([bands, others[..., :1]], axis=2), n_frames),
        ],
        axis=1,
    )


def size(n_mels):
    """How many numbers :func:`of_speech` gives."""
    bands, frames = n_mels // 2, n_mels // 2 + N_CEPSTRA + len(DESCRIPTORS) - 1
    return len(STATISTICS) * (3 * frames + 1) + 6 + len(MODULATION_BANDS) * (bands + 1)


def _voice(masks):
    """Shares of speech and voice, runs of voice per frame of speech, their mean length. → [batch, 6]

    ``masks``: float32 [batch, frames, 3]: inside the clip, with speech, with voice.
    """
    frames, with_speech, with_voice = tf.unstack(tf.reduce_sum(masks, axis=1), axis=1)
    voice = masks[..., 2]
    runs = tf.reduce_sum(voice * (1.0 - tf.pad(voice, [[0, 0], [1, 0]])[:, :-1]), axis=1)
    shares = [
        tf.math.divide_no_nan(part, whole)
        for part, whole in ((with_speech, frames), (with_voice, frames), (runs, with_speech), (with_voice, runs))
    ]
    return tf.stack([*shares, with_speech / 100.0, frames / 100.0], axis=1)
