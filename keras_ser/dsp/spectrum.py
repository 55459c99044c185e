"""Short-time Fourier transform and its inverse, numerically those of librosa 0.11.

Periodic Hann window, frames centred on multiples of ``hop_length`` (the clip is padded by ``n_fft // 2`` on both
sides), any ``n_fft``: powers of two are not required.
"""

import tensorflow as tf


def frame_count(lengths, hop_length):
    """Frames of a clip whose frames are centred: ``1 + lengths // hop_length``."""
    return 1 + lengths // hop_length


def frame_mask(lengths, hop_length, n_frames):
    """Which frames belong to each clip. → bool [batch, n_frames]."""
    return tf.sequence_mask(frame_count(lengths, hop_length), n_frames)


def clear_padding(waveform, lengths):
    """Zero everything after the end of each clip. ``lengths`` None: every clip fills its row. → [batch, samples]."""
    if lengths is None:
        return waveform
    return tf.where(tf.sequence_mask(lengths, tf.shape(waveform)[1]), waveform, 0.0)
