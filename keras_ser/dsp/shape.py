"""Shape of the spectrum: waveform [batch, samples] → [batch, frames], numerically librosa 0.11."""

import numpy as np
import tensorflow as tf

from keras_ser.dsp.spectrum import frame_mask, stft


def spectral_centroid(waveform, *, sample_rate, n_fft=2048, hop_length=512, lengths=None):
    """Mean frequency of each frame in Hz, weighted by magnitude: ``librosa.feature.spectral_centroid``.

    0 where there is no sound, and in frames after the end of a clip. → [batch, frames]
    """
    magnitude = tf.abs(stft(waveform, n_fft=n_fft, hop_length=hop_length, lengths=lengths))  # [batch, frames, bins]
    frequency = np.arange(1 + n_fft // 2) * (sample_rate / n_fft)
    weights = np.stack([np.ones_like(frequency), frequency], axis=1).astype(np.float32)  # [bins, 2]
    total, moment = tf.unstack(tf.matmul(magnitude, weights), axis=-1)
    centroid = tf.math.divide_no_nan(moment, tf.where(total < np.finfo(np.float32).tiny, 0.0, total))
    if lengths is None:
        return centroid
    return tf.where(frame_mask(lengths, hop_length, tf.shape(centroid)[1]), centroid, 0.0)
