"""Energy and zero crossings: waveform [batch, samples] → [batch], or [batch, frames] numerically those of librosa 0.11.

Frames are centred on multiples of ``hop_length``, as in :mod:`keras_ser.dsp.spectrum`; those after the end of a clip
are 0.
"""

import tensorflow as tf

from keras_ser.dsp.spectrum import clear_padding, frame_mask, own_frames, own_lengths, root


def mean_energy(waveform, lengths=None):
    """Mean square of the samples of each clip; 0 where there are none. → [batch]."""
    energy = tf.reduce_sum(tf.square(clear_padding(waveform, lengths)), axis=1)
    return tf.math.divide_no_nan(energy, tf.cast(own_lengths(waveform, lengths), energy.dtype))


def rms(waveform, *, frame_length=2048, hop_length=512, lengths=None):
    """Root of the mean square of each frame, silence beyond the ends of the clip: ``librosa.feature.rms``.

    → [batch, frames]
    """
    frames, put_back = own_frames(waveform, frame_length, hop_length, lengths)
    return put_back(root(tf.reduce_mean(tf.square(frames), axis=-1)))


def zero_crossing_rate(waveform, *, frame_length=2048, hop_length=512, lengths=None):
    """Share of the samples of each frame whose sign differs from that of the one before:
    ``librosa.feature.zero_crossing_rate``. Samples below 1e-10 count as positive. → [batch, frames]

    Beyond its ends the clip goes on as its first and last sample, so nothing crosses there.
    """
    lengths = own_lengths(waveform, lengths)
    waveform = clear_padding(waveform, lengths)
    frames, put_back = own_frames(waveform, frame_length, hop_length, lengths)
    negative = frames < -1e-10
    crossings = tf.reduce_sum(tf.cast(tf.not_equal(negative[:, 1:], negative[:, :-1]), tf.float32), axis=1)
    crossings = put_back(crossings)  # [batch, frames]
    # The frames hold zeros beyond the ends: a negative sample there has crossed into them.
    first = tf.range(tf.shape(crossings)[1]) * hop_length - frame_length // 2
    last = tf.maximum(lengths[:, None] - 1, 0)
    waveform = tf.pad(waveform, [[0, 0], [0, 1]])  # a row of no samples has a first one too
    begins = (waveform[:, :1] < -1e-10) & (first < 0)
    ends = (tf.gather(waveform, last, batch_dims=1) < -1e-10) & (first <= last) & (first + frame_length - 1 > last)
    spurious = tf.cast(begins, tf.float32) + tf.cast(ends, tf.float32)
    mask = frame_mask(lengths, hop_length, tf.shape(crossings)[1])
    return tf.where(mask, crossings - spurious, 0.0) / frame_length
