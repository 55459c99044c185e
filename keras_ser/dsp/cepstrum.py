"""Mel-frequency cepstral coefficients: waveform [batch, samples] → [batch, frames, n_mfcc], numerically
``librosa.feature.mfcc`` of librosa 0.11 (transposed) for each clip on its own.

Orthonormal DCT-II of the mel spectrogram in dB, whose floor is 80 dB below the maximum of the clip.
"""

import numpy as np
import tensorflow as tf

from keras_ser.dsp.decibel import power_to_db
from keras_ser.dsp.mel import mel_spectrogram
from keras_ser.dsp.spectrum import frame_mask


def dct_matrix(n_in, n_out):
    """The first ``n_out`` rows of the orthonormal DCT-II, transposed. → float32 [n_in, n_out]."""
    angle = np.pi / n_in * np.outer(np.arange(n_in) + 0.5, np.arange(n_out))
    matrix = np.sqrt(2.0 / n_in) * np.cos(angle)
    matrix[:, 0] /= np.sqrt(2.0)
    return matrix.astype(np.float32)


def mfcc(waveform, *, sample_rate, n_mfcc=20, hop_length=512, n_mels=128, lengths=None, **mel):
    """MFCC of each clip; frames after its end are 0. → [batch, frames, n_mfcc].

    ``mel``: further arguments of :func:`keras_ser.dsp.mel.mel_spectrogram`.
    """
    power = mel_spectrogram(
        waveform, sample_rate=sample_rate, hop_length=hop_length, n_mels=n_mels, lengths=lengths, **mel
    )
    # Decibels count from the clip's maximum, and the transform is taken about the first band; both levels go into
    # the first coefficient alone. So a flat spectrum (silence) has exactly 0 in the others, as in librosa, and no
    # rounding errors for a later normalisation to blow up; and the sums stay small enough for float32.
    db = power_to_db(power, ref="max")  # [batch, frames, n_mels]; the padding has no power, so it needs no mask
    band = db[..., :1]
    level = band + power_to_db(tf.reduce_max(power, axis=(1, 2), keepdims=True), top_db=None)
    coefficients = tf.matmul(db - band, dct_matrix(n_mels, n_mfcc))
    coefficients += level * tf.one_hot(0, n_mfcc, n_mels**0.5)
    if lengths is None:
        return coefficients
    return tf.where(frame_mask(lengths, hop_length, tf.shape(power)[1])[..., None], coefficients, 0.0)
