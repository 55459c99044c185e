"""Energy and zero crossings: waveform [batch, samples] → [batch], or [batch, frames] numerically those of librosa 0.11.

Frames are centred on multiples of ``hop_length``, as in :mod:`keras_ser.dsp.spectrum`; those after the end of a clip
are 0.
"""

import tensorflow as tf

from keras_ser.dsp.spectrum import clear_padding, frame_mask, own_frames


def mean_energy(waveform, lengths=None):
    """Mean square of the samples of each clip; 0 where there are none. → [batch]."""
    count = tf.shape(waveform)[1] if lengths is None else lengths
    energy = tf.reduce_sum(tf.square(clear_padding(waveform, lengths)), axis=1)
    return tf.math.divide_no_nan(energy, tf.cast(count, energy.dtype))


def rms(waveform, *, frame_length=2048, hop_length=512, lengths=None):
    """Root of the mean square of each frame, silence beyond the ends of the clip: ``librosa.feature.rms``.

    → [batch, frames]
    """
    frames, put_back = own_frames(waveform, frame_length, hop_length, lengths)
    return put_back(tf.sqrt(tf.reduce_mean(tf.square(frames), axis=-1)))


def zero_crossing_rate(waveform, *, frame_length=2048, hop_length=512, lengths=None):
    """Share of the samples of each frame whose sign differs from that of the one before:
    ``librosa.feature.zero_crossing_rate``. Samples below 1e-10 count as positive. → [batch, frames]

    Beyond its ends the clip goes on as its first and last sample, so nothing crosses there: crossings are counted once
    for the clip and summed up, and a frame is the difference of two sums.
    """
    negative = waveform < -1e-10
    crossings = tf.not_equal(negative[:, 1:], negative[:, :-1])  # [batch, samples - 1], at samples 1, 2, …
    if lengths is not None:
        crossings &= tf.sequence_mask(lengths - 1, tf.shape(crossings)[1])
    upto = tf.cumsum(tf.pad(tf.cast(crossings, tf.int32), [[0, 0], [1, 0]]), axis=1)  # crossings at samples 0 … i
    last = tf.shape(waveform)[1] - 1
    n_frames = 1 + (last + 1 + 2 * (frame_length // 2) - frame_length) // hop_length
    first = tf.range(n_frames) * hop_length - frame_length // 2
    # A crossing into the first sample of a frame has its other side outside.
    before = tf.gather(upto, tf.clip_by_value(first, 0, last), axis=1)
    within = tf.gather(upto, tf.clip_by_value(first + frame_length - 1, 0, last), axis=1) - before
    values = tf.cast(within, tf.float32) / frame_length
    if lengths is None:
        return values
    return tf.where(frame_mask(lengths, hop_length, tf.shape(values)[1]), values, 0.0)
