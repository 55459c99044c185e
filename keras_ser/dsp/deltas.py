"""Deltas: features [batch, frames, features] → their local slope over time, numerically ``librosa.feature.delta`` of
librosa 0.11 for each clip on its own.

A polynomial of degree ``order`` is fitted to ``width`` frames around each (Savitzky-Golay); its ``order``-th derivative
is the same everywhere, which makes librosa's default at the ends ("interp", the polynomial of the first or last
``width`` frames) the value of the nearest frame that has a whole window.
"""

from math import factorial

import numpy as np
import tensorflow as tf

MODES = ("interp", "nearest", "mirror", "constant", "wrap")


def deltas(features, *, width=9, order=1, mode="interp", n_frames=None):
    """Local estimate of the ``order``-th derivative of each feature. → as ``features``

    Args:
        features: float32 [batch, frames, features].
        width: frames of a window, odd, at least 3.
        order: of the derivative and the polynomial, less than ``width``.
        mode: how a clip goes on beyond its ends, as in ``scipy.signal.savgol_filter``: "interp", "nearest", "mirror",
            "constant" (zeros) or "wrap". With "interp", clips of fewer than ``width`` frames, which librosa refuses,
            are taken as with "nearest".
        n_frames: int32 [batch], frames of each clip, None for all; those after them are not read, and are 0.
    """
    n_row = tf.shape(features)[1]
    n_frames = tf.fill(tf.shape(features)[:1], n_row) if n_frames is None else tf.minimum(n_frames, n_row)
    last = tf.maximum(n_frames, 1)[:, None] - 1  # [batch, 1]
    half = width // 2
    frame = tf.range(n_row)[None]  # [1, frames]
    if mode == "interp":
        whole = tf.maximum(tf.minimum(frame, last - half), half)
        frame = tf.where(last + 1 >= width, whole, frame)
    slope = tf.zeros_like(features)
    for offset, weight in zip(range(-half, half + 1), _weights(width, order), strict=True):
        neighbour = frame + offset + tf.zeros_like(last)  # [batch, frames]
        inside = (neighbour >= 0) & (neighbour <= last)
        if mode == "mirror":
            period = tf.maximum(2 * last, 1)
            neighbour = last - tf.abs(last - neighbour % period)
        elif mode == "wrap":
            neighbour = neighbour % (last + 1)
        taken = tf.gather(features, tf.clip_by_value(neighbour, 0, last), batch_dims=1)
        slope += weight * (tf.where(inside[..., None], taken, 0.0) if mode == "constant" else taken)
    return tf.where(tf.sequence_mask(n_frames, n_row)[..., None], slope, 0.0)


def _weights(width, order):
    """What the frames of a window add to the ``order``-th derivative in its middle. → list of floats"""
    position = np.arange(width) - width // 2
    return (factorial(order) * np.linalg.pinv(np.vander(position, order + 1, increasing=True))[order]).tolist()
