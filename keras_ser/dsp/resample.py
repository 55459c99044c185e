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

# Output samples computed together from one window of the input: enough to keep the processor busy, few beside the
# filter's length. Rates whose ratio repeats after more samples than LONGEST_PERIOD need several sets of filters.
BLOCK = 64
LONGEST_PERIOD = 256


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
    resampled = _filtered(waveform, down, up)[:, : _scaled(tf.shape(waveform)[1], up, down)]
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


def _filtered(waveform, down, up):
    """The clip read off at every ``down / up`` samples; a little more than the whole of it. → [batch, samples']

    ``up`` output samples use ``up`` different filters, then the same again ``down`` samples on.
    """
    reach = ceil(ZERO_CROSSINGS / min(1.0, up / down))  # samples to each side that an output sample is made of
    repeats = ceil(BLOCK / up)
    down, up = down * repeats, up * repeats
    block = up if up <= LONGEST_PERIOD else BLOCK
    first = np.arange(0, up, block)  # output samples that blocks begin with
    start = first * down // up  # the input sample before each
    taps = 2 * reach + 2 + block * down // up
    # Offset of each tap of a window from each output sample, in input samples: [blocks, taps, block]
    offset = start[:, None, None] + np.arange(-reach, taps - reach)[:, None]
    offset = offset - (first[:, None, None] + np.arange(block)) * (down / up)
    filters = _kernel(offset, down, up).astype(np.float32)

    padded = tf.pad(waveform, [[0, 0], [reach, down + taps]])
    if len(first) == 1:
        resampled = tf.nn.conv1d(padded[..., None], filters[0][:, None], down, "VALID")  # [batch, periods, block]
    else:
        n_periods = -(-tf.shape(waveform)[1] // down)
        windows = tf.range(n_periods)[:, None, None] * down + (start[:, None] + np.arange(taps)).astype(np.int32)
        windows = tf.gather(padded, windows, axis=1)  # [batch, periods, blocks, taps]
        resampled = tf.einsum("npbt,bto->npbo", windows, filters)
        # → [batch, periods, up]: the last block reaches beyond the period
        resampled = tf.reshape(resampled, [tf.shape(waveform)[0], n_periods, len(first) * block])[..., :up]
    return tf.reshape(resampled, [tf.shape(waveform)[0], -1])
