"""Shape and range of features [batch, frames, features]."""

import numpy as np
import tensorflow as tf

from keras_ser.dsp.spectrum import clear_padding, own_lengths

_TINY = np.finfo(np.float32).tiny


def peak_normalize(features, mask=None):
    """Divide each feature of a clip by its largest magnitude over time:
    ``librosa.util.normalize(axis=time)``.

    A feature whose magnitude stays below the least normal float32 is left as it is. ``mask`` (bool [batch,
    frames]) says which frames belong to the clip; the others are 0.
    """
    if mask is not None:
        features = tf.where(mask[..., None], features, 0.0)
    peak = tf.reduce_max(tf.abs(features), axis=1, keepdims=True)  # [batch, 1, features]
    return features / tf.where(peak < _TINY, 1.0, peak)


def fix_frames(features, n_frames):
    """Cut on the right, or pad there with zeros. → [batch, n_frames, features]."""
    features = features[:, :n_frames]
    missing = n_frames - tf.shape(features)[1]
    features = tf.pad(features, [[0, 0], [0, missing], [0, 0]])
    return tf.ensure_shape(features, [None, n_frames, None])


def standardize(waveform, lengths=None):
    """Each clip less its mean, over its standard deviation; a constant clip becomes 0, and so does padding.

    → [batch, samples]
    """
    lengths = own_lengths(waveform, lengths)
    count = tf.maximum(tf.cast(lengths, tf.float32), 1.0)[:, None]
    mean = tf.reduce_sum(clear_padding(waveform, lengths), axis=1, keepdims=True) / count
    centred = clear_padding(waveform - mean, lengths)
    deviation = tf.sqrt(tf.reduce_sum(tf.square(centred), axis=1, keepdims=True) / count)
    # Of a constant clip the mean may be off by its last digits, and the deviation by as much.
    varies = tf.reduce_any(clear_padding(waveform - waveform[:, :1], lengths) != 0, axis=1, keepdims=True)
    varies &= deviation >= _TINY
    return tf.where(varies, centred / tf.where(varies, deviation, 1.0), 0.0)


def grey_levels(images):
    """Spread each image over the levels of 8 bits: 0 its least, 255 its greatest value, cut to whole numbers.

    [batch, height, width] → the same; an image of one value is 0.
    """
    least = tf.reduce_min(images, axis=(1, 2), keepdims=True)
    spread = tf.reduce_max(images, axis=(1, 2), keepdims=True) - least
    return tf.floor(255.0 * ((images - least) / tf.where(spread < _TINY, 1.0, spread)))
