"""Fundamental frequency: waveform [batch, samples] → [batch, frames], numerically ``librosa.yin`` of librosa 0.11.

Source: A. de Cheveigné, H. Kawahara, "YIN, a fundamental frequency estimator for speech and music", 2002. Frames are
centred on multiples of ``hop_length``, silence lies beyond the ends of the clip. Every frame gets an estimate, voiced
or not, as in librosa.
"""

import numpy as np
import tensorflow as tf

from keras_ser.dsp.spectrum import own_frames

_TINY = np.finfo(np.float32).tiny


def yin(waveform, *, sample_rate, fmin, fmax, frame_length=2048, hop_length=512, trough_threshold=0.1, lengths=None):
    """Fundamental frequency of each frame in Hz: ``librosa.yin``; frames after the end of a clip are 0.

    Args:
        waveform: float32 [batch, samples].
        sample_rate: in Hz.
        fmin: lowest frequency in Hz; its period must fit in a frame.
        fmax: highest frequency in Hz.
        frame_length: samples in a frame.
        hop_length: samples between the centres of successive frames.
        trough_threshold: the first period whose normalised difference is a local minimum below it is taken; where
            there is none, that of the least.
        lengths: int32 [batch], None if every clip fills its row.

    Returns: float32 [batch, frames].
    """
    shortest = int(np.floor(sample_rate / fmax))  # periods in samples
    longest = min(int(np.ceil(sample_rate / fmin)), frame_length - 1)
    frames, put_back = own_frames(waveform, frame_length, hop_length, lengths)
    # float64: the difference function is what is left of sums that almost cancel.
    difference = _difference(tf.cast(frames, tf.float64), frame_length, longest)  # [n, longest], of periods from 1
    mean = tf.cumsum(difference, axis=1) / np.arange(1, longest + 1)
    normalised = (difference / (mean + _TINY))[:, shortest - 1 :]  # [n, periods]
    before, here, after = normalised[:, :-2], normalised[:, 1:-1], normalised[:, 2:]
    trough = tf.pad((here < before) & (here <= after), [[0, 0], [1, 0]])
    first = normalised[:, :1] < normalised[:, 1:2]
    last = normalised[:, -1:] < normalised[:, -2:-1]
    trough = tf.concat([first, trough[:, 1:], last], axis=1) & (normalised < trough_threshold)
    place = tf.where(tf.reduce_any(trough, axis=1), tf.argmax(trough, axis=1), tf.argmin(normalised, axis=1))
    # The optimum of the parabola through the three values around it, where it lies between them.
    curvature, slope = after + before - 2 * here, (after - before) / 2
    inside = tf.abs(slope) < tf.abs(curvature)
    shift = tf.pad(tf.where(inside, -slope / tf.where(inside, curvature, 1.0), 0.0), [[0, 0], [1, 1]])
    period = shortest + tf.cast(place, tf.float64) + tf.gather(shift, place, batch_dims=1)
    return put_back(tf.cast(sample_rate / period, tf.float32))


def _difference(frames, frame_length, longest):
    """2 (r(0) - r(k)) - Σ_{m<k} y(m)² for each period k from 1 to ``longest``. [n, frame_length] → [n, longest]"""
    size = 1 << int(np.ceil(np.log2(frame_length + longest)))
    power = tf.square(tf.abs(tf.signal.rfft(frames, [size])))
    correlation = tf.signal.irfft(tf.cast(power, tf.complex128), [size])[:, : longest + 1]
    energy = tf.cumsum(tf.square(frames), axis=1)[:, :longest]
    return 2 * (correlation[:, :1] - correlation[:, 1:]) - energy
