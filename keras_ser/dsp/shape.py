"""Shape of the spectrum: waveform [batch, samples] → [batch, frames], numerically librosa 0.11."""

import numpy as np
import tensorflow as tf

from keras_ser.dsp.spectrum import hann, own_frames


def spectral_centroid(waveform, *, sample_rate, n_fft=2048, hop_length=512, lengths=None):
    """Mean frequency of each frame in Hz, weighted by magnitude: ``librosa.feature.spectral_centroid``.

    0 where there is no sound, and in frames after the end of a clip. → [batch, frames]
    """
    frames, put_back = own_frames(waveform, n_fft, hop_length, lengths)
    magnitude = tf.abs(tf.signal.rfft(frames * hann(n_fft)))  # [n, bins]
    frequency = np.arange(1 + n_fft // 2) * (sample_rate / n_fft)
    weights = np.stack([np.ones_like(frequency), frequency], axis=1).astype(np.float32)  # [bins, 2]
    total, moment = tf.unstack(tf.matmul(magnitude, weights), axis=-1)
    return put_back(tf.math.divide_no_nan(moment, tf.where(total < np.finfo(np.float32).tiny, 0.0, total)))
