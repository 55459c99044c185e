"""Decibels: power [batch, frames, bands] → dB of the same shape, numerically ``librosa.power_to_db`` of
librosa 0.11 for each clip on its own.

librosa's ``top_db`` counts from the maximum of the array that it is given, so that a stack of clips shares
one floor and a quiet clip changes in the company of a loud one. Here every clip has its own.
"""

import math

import tensorflow as tf


def power_to_db(power, *, ref=1.0, amin=1e-10, top_db=80.0, mask=None):
    """``10 log10(power / ref)``, at most ``top_db`` below the clip's maximum (None: no such floor).

    ``ref`` is a power, or "max" for the clip's own maximum; ``amin`` is the least power told apart from
    zero. ``mask`` (bool [batch, frames]) says which frames belong to the clip: the others neither raise its
    maximum nor are converted; they are 0, as padding is in every feature of this package.
    """
    if mask is not None:
        power = tf.where(mask[..., None], power, 0.0)
    loudest = tf.maximum(tf.reduce_max(power, axis=(1, 2), keepdims=True), amin)  # [batch, 1, 1]
    # Floors are applied before the logarithm: one pass less over the spectrogram. So is the reference: a
    # value equal to it is 0 dB exactly.
    floor = amin if top_db is None else tf.maximum(amin, loudest * 10.0 ** (-top_db / 10.0))
    reference = loudest if ref == "max" else max(amin, ref)
    db = 10.0 / math.log(10.0) * tf.math.log(tf.maximum(power, floor) / reference)
    return db if mask is None else tf.where(mask[..., None], db, 0.0)
