"""Change of sample rate by a windowed sinc: ``resample`` with librosa's length, ``decimate`` as torchaudio does it.

Source: J. O. Smith, "Digital Audio Resampling Home Page", 2002 (band-limited interpolation). A sinc with 64 zero
crossings under a Kaiser window (beta 14.8), cut at 0.95 of the lower Nyquist frequency: like soxr's HQ setting,
librosa's default, but not the same filter; the two differ near the cut.
"""

from math import ceil, gcd

import numpy as np
import tensorflow as tf

from keras_ser.dsp.spectrum import clear_padding, own_lengths

ZERO_CROSSINGS = 64
ROLLOFF = 0.95
KAISER_BETA = 14.769656459379492

# Output samples computed together from one window of the input: enough to keep the processor busy, few beside the
# filter's length. Rates whose ratio repeats after more samples than LONGEST_PERIOD need several sets of filters.
BLOCK = 64
LONGEST_PERIOD = 256

COMMON_RATES = (8000, 11025, 16000, 22050, 24000, 24414, 32000, 44100, 48000, 96000)  # Hz
TABLE_DENSITY = 1024  # values a zero crossing of the filter's table for other rates
PHASES = 1024  # filters for other rates, between one input sample and the next


def resample(waveform, *, orig_sr, target_sr, lengths=None):
    """Resample each clip from ``orig_sr`` to ``target_sr`` (integers, Hz).

    Args:
        waveform: float32 [batch, samples].
        lengths: int32 [batch], None if every clip fills its row.

    Returns: (waveform float32 [batch, samples'], lengths int32 [batch] = ceil(length · target_sr / orig_sr)).
    """
    waveform = tf.convert_to_tensor(clear_padding(waveform, lengths))
    lengths = own_lengths(waveform, lengths)
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


def decimate(waveform, factor, lengths=None, *, lowpass_filter_width=6, rolloff=0.99):
    """Every ``factor``-th sample of each clip after a low-pass: ``torchaudio.transforms.Resample(factor, 1)``.

    Args:
        waveform: float32 [batch, samples].
        factor: integer.
        lengths: int32 [batch], None if every clip fills its row.
        lowpass_filter_width: zero crossings of the sinc to each side, under a Hann window.
        rolloff: cut of the low-pass, as a share of the lower Nyquist frequency.

    Returns: (waveform float32 [batch, samples'], lengths int32 [batch] = ceil(length / factor)).
    """
    waveform = tf.convert_to_tensor(clear_padding(waveform, lengths))
    decimated_length = -(-own_lengths(waveform, lengths) // factor)
    n_decimated = -(-tf.shape(waveform)[1] // factor)
    # The clip in blocks of ``factor`` samples, and the filter over whole blocks: [batch, blocks, factor] × [taps /
    # factor, factor, 1], many times faster than one channel and one sample at a time.
    reach = ceil(lowpass_filter_width / rolloff)  # blocks to each side
    offset = np.arange(-reach * factor, (reach + 1) * factor) * (rolloff / factor)  # in zero crossings
    window = np.cos(np.pi / 2 * np.clip(offset / lowpass_filter_width, -1, 1)) ** 2
    kernel = (rolloff / factor * np.sinc(offset) * window).astype(np.float32)
    after = (n_decimated + reach) * factor - tf.shape(waveform)[1]
    blocks = tf.pad(waveform, [[0, 0], [reach * factor, after]])
    blocks = tf.reshape(blocks, [-1, n_decimated + 2 * reach, factor])
    decimated = tf.nn.conv1d(blocks, kernel.reshape(-1, factor, 1), 1, "VALID")[..., 0]
    return clear_padding(decimated, decimated_length), decimated_length


def resample_any(waveform, orig_sr, *, target_sr):
    """Resample one clip whose rate is only known when the graph runs (a WAV file's, in an exported model).

    ``waveform`` float32 [samples], ``orig_sr`` int32 scalar in Hz → float32 [ceil(samples · target_sr / orig_sr)].
    Rates of ``COMMON_RATES`` use the filters of :func:`resample`; others read theirs off a table,
    several times slower, with differences below 2e-6.
    """
    rates = sorted({*COMMON_RATES, target_sr})

    def common(rate):
        return lambda: resample(waveform[None], orig_sr=rate, target_sr=target_sr)[0][0]

    place = tf.where(tf.equal(rates, orig_sr))
    place = tf.cond(tf.size(place) > 0, lambda: tf.cast(place[0, 0], tf.int32), lambda: tf.constant(len(rates)))
    branches = [common(rate) for rate in rates]
    return tf.switch_case(place, [*branches, lambda: _read_off(waveform, orig_sr, target_sr)])


def _read_off(waveform, orig_sr, target_sr):
    """:func:`resample` for one clip [samples] and any ``orig_sr``: each output sample by a filter between two of
    ``PHASES + 1``, which lie between two input samples.

    Tap by tap: memory does not grow with the taps, and sums are rounded about as those of :func:`resample` are, which
    an image network sees in bands that a lower rate leaves empty.
    """
    step = tf.cast(orig_sr, tf.float64) / target_sr
    scale = tf.cast(tf.minimum(tf.ones_like(step), 1 / step), tf.float32)  # lowers the cut where the new rate is lower
    reach = tf.cast(tf.math.ceil(ZERO_CROSSINGS / scale), tf.int32)
    u = np.arange(ZERO_CROSSINGS * TABLE_DENSITY + 2) / TABLE_DENSITY
    table = tf.constant(_kernel(u, 1, 1).astype(np.float32))
    phases = np.arange(PHASES + 1, dtype=np.float32) / PHASES
    taps = tf.cast(tf.range(-reach, reach + 2), tf.float32)[:, None]
    place = tf.minimum(tf.abs(taps - phases) * (scale * TABLE_DENSITY), float(len(u) - 2))
    low = tf.cast(place, tf.int32)
    filters = _between(table, low, place - tf.cast(low, tf.float32)) * scale  # [taps, PHASES + 1]
    n_samples = _scaled(tf.size(waveform), target_sr, tf.cast(orig_sr, tf.int64))
    position = tf.cast(tf.range(n_samples), tf.float64) * step
    before = tf.floor(position)
    place = tf.cast((position - before) * PHASES, tf.float32)
    low = tf.minimum(tf.cast(place, tf.int32), PHASES - 1)
    share, before = place - tf.cast(low, tf.float32), tf.cast(before, tf.int32)
    padded = tf.pad(waveform, [[reach, reach + 1]])

    def add(tap, total):
        return tap + 1, total + _between(filters[tap], low, share) * tf.gather(padded, before + tap)

    _, total = tf.while_loop(lambda tap, _: tap <= 2 * reach + 1, add, (0, tf.zeros([n_samples])))
    return total


def _between(table, low, share):
    """What lies ``share`` of the way from the value of ``table`` at ``low`` to the next."""
    return (1 - share) * tf.gather(table, low) + share * tf.gather(table, low + 1)
