"""Shape and range of features [batch, frames, features]."""

import numpy as np
import tensorflow as tf

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
