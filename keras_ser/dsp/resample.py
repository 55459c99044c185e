"""Change of sample rate by a windowed sinc, with librosa's length.

Source: J. O. Smith, "Digital Audio Resampling Home Page", 2002 (band-limited interpolation). A sinc with 64 zero
crossings under a Kaiser window (beta 14.8), cut at 0.95 of the lower Nyquist frequency: like soxr's HQ setting,
librosa's default, but not the same filter; the two differ near the cut.
"""

from math import ceil, gcd

import numpy as np
import tensorflow as tf

from keras_ser.dsp.spectrum import clear_padding

ZERO_CROSSINGS = 64
ROLLOFF = 0.95
KAISER_BETA = 14.769656459379492

# Largest filter bank (weights) applied as one convolution; rates whose ratio needs more are read off sample by sample.
BANK_SIZE = 2_000_000


def resample(waveform, *, orig_sr, target_sr, lengths=None):
    """Resample each clip from ``orig_sr`` to ``target_sr`` (integers, Hz).

    Args:
        waveform: float32 [batch, samples].
        lengths: int32 [batch], None if every clip fills its row.

    Returns: (waveform float32 [batch, samples'], lengths int32 [batch] = ceil(length · target_sr / orig_sr)).
    """
    waveform = tf.convert_to_tensor(clear_padding(waveform, lengths))
    if lengths is None:
        lengths = tf.fill(tf.shape(waveform)[:1], tf.shape(waveform)[1])
    lengths = tf.convert_to_tensor(lengths)
    divisor = gcd(orig_sr, target_sr)
    down, up = orig_sr // divisor, target_sr // divisor
    if down == up:
        return waveform, lengths
    resampled_length = _scaled(lengths, up, down)
    n_samples = _scaled(tf.shape(waveform)[1], up, down)
    reach = ceil(ZERO_CROSSINGS / min(1.0, up / down))  # samples to each side that an output sample is made of
    if (down + 2 * reach) * up <= BANK_SIZE:
        resampled = _by_bank(waveform, down, up, reach, n_samples)
    else:
        resampled = _sample_by_sample(waveform, down, up, reach, n_samples)
    return clear_padding(resampled, resampled_length), resampled_length


def _scaled(n, up, down):
    """ceil(n · up / down), in int64 on the way."""
    return tf.cast(-(-tf.cast(n, tf.int64) * up // down), tf.int32)


def _kernel(offset, down, up):
    """Weight of a sample ``offset`` samples away. → float64, as ``offset``"""
    cut = ROLLOFF * min(1.0, up / down)
    half = ZERO_CROSSINGS / min(1.0, up / down)
    window = np.i0(KAISER_BETA * np.sqrt(np.maximum(0, 1 - (offset / half) ** 2))) / np.i0(KAISER_BETA)
    return np.where(np.abs(offset) <= half, cut * np.sinc(cut * offset) * window, 0.0)


def _by_bank(waveform, down, up, reach, n_samples):
    """``up`` filters, one for each position between samples, moved on by ``down`` samples."""
    tap = np.arange(-reach, down + reach)[:, None]
    bank = _kernel(tap - np.arange(up) * down / up, down, up).astype(np.float32)  # [taps, up]
    padded = tf.pad(waveform, [[0, 0], [reach, reach + down]])
    resampled = tf.nn.conv1d(padded[..., None], bank[:, None, :], stride=down, padding="VALID")  # [batch, blocks, up]
    resampled = tf.reshape(resampled, [tf.shape(waveform)[0], -1])
    missing = tf.maximum(0, n_samples - tf.shape(resampled)[1])
    return tf.pad(resampled, [[0, 0], [0, missing]])[:, :n_samples]


def _sample_by_sample(waveform, down, up, reach, n_samples):
    """One filter a position, looked up: for ratios like 8000 / 12207 (TESS's 24414 Hz to 16 kHz)."""
    tap = np.arange(-reach, reach + 2)
    table = _kernel(tap[:, None] - np.arange(up) * (1 / up), down, up).astype(np.float32)  # [taps, up]
    position = tf.range(n_samples, dtype=tf.int64) * down
    before = tf.cast(position // up, tf.int32)  # [samples']
    phase = tf.cast(position % up, tf.int32)
    padded = tf.pad(waveform, [[0, 0], [reach, reach + 2]])
    total = tf.zeros([tf.shape(waveform)[0], n_samples])
    for place, weights in enumerate(table):
        total += tf.gather(padded, before + place, axis=1) * tf.gather(tf.constant(weights), phase)
    return total
