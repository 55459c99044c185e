"""Spectral gating: noisereduce 3.0's default (non-stationary) gate, to 1e-5 of full scale.

Source: noisereduce 3.0.3, ``reduce_noise(y, sr)``; T. Sainburg, M. Thielk, T. Gentner, "Finding, visualizing, and
quantifying latent structure across diverse animal vocal repertoires", 2020. A sigmoid mask opens where the magnitude
of a bin stands out of its own smoothed course over time; the mask is smoothed over time and frequency.

What makes it fast, and exact for clips of different lengths in one batch:

- the smoothing over time is a first-order recursive filter, run forwards and backwards: inside blocks of frames a
  triangular matrix, from block to block what is left of the block before;
- noisereduce surrounds a clip by 30,000 zeros, in whose frames the forward filter only decays: their part in the
  backward filter has a closed form (one factor per clip), so the blocks span the clip's own frames;
- the filter that smooths the mask is an outer product of two short ones, over time and over frequency, each a small
  matrix on blocks that overlap.

Time and memory grow with the length of a clip.

Clips longer than 600,000 samples are gated in chunks as noisereduce does it, each with 30,000 samples of what lies
around it.
"""

import numpy as np
import tensorflow as tf

from keras_ser.dsp.spectrum import clear_padding, hann, own_lengths

CHUNK_SIZE = 600_000
PADDING = 30_000
# Frames, and bins, that one small matrix is for: few products that are 0, and few rows read twice.
BLOCK_FRAMES = 32
BLOCK_BINS = 32


def denoise(
    waveform,
    *,
    sample_rate,
    lengths=None,
    prop_decrease=1.0,
    time_constant_s=2.0,
    freq_mask_smooth_hz=500,
    time_mask_smooth_ms=50,
    thresh_n_mult_nonstationary=2,
    sigmoid_slope_nonstationary=10,
    n_fft=1024,
):
    """Reduce noise in each clip. Parameters are noisereduce's (hop length n_fft / 4).

    Args:
        waveform: float32 [batch, samples].
        sample_rate: in Hz.
        lengths: int32 [batch], None if every clip fills its row.
        n_fft: a multiple of 4.

    Returns: float32 [batch, samples]. Silence stays silence (noisereduce divides 0 by 0 there).

    Raises ValueError if the mask would be smoothed over less than one bin or one frame, or for another ``n_fft``.
    """
    if n_fft % 4:
        raise ValueError(f"`n_fft` must be a multiple of 4. Received: n_fft={n_fft}")
    hop_length = n_fft // 4
    waveform = clear_padding(waveform, lengths)
    n_samples = tf.shape(waveform)[1]
    lengths = own_lengths(waveform, lengths)
    n_bins = n_fft // 2 + 1
    n_grad_freq = _width(freq_mask_smooth_hz, sample_rate / (n_fft / 2), "freq_mask_smooth_hz")
    n_grad_time = _width(time_mask_smooth_ms, hop_length / sample_rate * 1000, "time_mask_smooth_ms")
    t_frames = time_constant_s * sample_rate / hop_length
    b = (np.sqrt(1 + 4 * t_frames**2) - 1) / (2 * t_frames**2)

    def openness(above):
        return tf.sigmoid((above - thresh_n_mult_nonstationary) * sigmoid_slope_nonstationary)

    def gate(pieces, first_weight, last_weight_of, outside):
        """Gate pieces, [pieces, samples] → [pieces, samples'].

        The weights make the two passes of the recursive filter start and end as they do in noisereduce; ``outside`` is
        the mask before the first and after the last frame.
        """
        frames = tf.signal.frame(pieces, n_fft, hop_length)  # [pieces, frames, n_fft]
        spectrum = tf.signal.rfft(frames * hann(n_fft), [n_fft])  # [pieces, frames, bins]
        magnitude = tf.abs(spectrum)
        smooth = _smoothed_in_time(first_weight(magnitude), b, last_weight_of)
        heard = smooth > 0
        above = tf.where(heard, (magnitude - smooth) / tf.where(heard, smooth, 1.0), -1.0)
        mask = openness(above)
        if n_grad_freq > 1 or n_grad_time > 1:  # noisereduce does not smooth over one of each
            mask = _triangle(_triangle(mask - outside, 2, n_grad_freq, BLOCK_BINS), 1, n_grad_time, BLOCK_FRAMES)
            mask += outside * np.convolve(np.ones(n_bins, np.float32), _weights(n_grad_freq), "same")
        mask = mask * prop_decrease + (1.0 - prop_decrease)
        # Four windows overlap everywhere: their squares sum to 1.5.
        frames = tf.signal.irfft(spectrum * tf.cast(mask, spectrum.dtype), [n_fft]) * (hann(n_fft) / 1.5)
        return tf.signal.overlap_and_add(frames, hop_length)

    def short():
        # Frame 116 of noisereduce's padded clip is the first that reaches into the clip: it starts 816 samples before.
        first = (PADDING - n_fft // 2) // hop_length + 1
        before = PADDING - (first * hop_length - n_fft // 2)
        reached = (PADDING + lengths + n_fft // 2 - 1) // hop_length - first + 1  # frames with a part of the clip
        last = (lengths + 2 * PADDING) // hop_length - first  # the last frame of the padded clip

        def last_weight_of(n_frames):
            # 1 on the clip's frames; the next one stands for the decay after it; then 0.
            a = 1.0 - b
            m = tf.cast(last - reached + 1, tf.float32)
            decayed = tf.pow(tf.cast(a, tf.float32), 2.0 * m)
            tail = (a * (1.0 - decayed) / (1.0 + a) + decayed) / (a * b)
            frame = tf.range(n_frames)[None]
            weight = tf.where(frame == reached[:, None], tail[:, None], 0.0)
            return tf.where(frame < reached[:, None], 1.0, weight)

        # Room for every frame that reaches into the longest clip, and one more.
        room = tf.pad(waveform, [[0, 0], [before, n_fft + hop_length]])
        # Silence lies one whole magnitude below its surroundings.
        gated = gate(room, lambda magnitude: magnitude, last_weight_of, openness(-1.0))
        return gated[:, before : before + n_samples]

    def long():
        # Chunks with what lies around them: [batch · chunks, 660,000], scipy's half window of zeros on both sides.
        width = CHUNK_SIZE + 2 * PADDING
        n_chunks = -(-n_samples // CHUNK_SIZE)
        around = tf.pad(waveform, [[0, 0], [PADDING, n_chunks * CHUNK_SIZE - n_samples + PADDING]])
        pieces = tf.reshape(tf.signal.frame(around, width, CHUNK_SIZE), [-1, width])
        half = n_fft // 2
        # A clip that fits in one chunk ends where it ends; chunks of longer ones are all full.
        ends = tf.where(lengths > CHUNK_SIZE, width, lengths + 2 * PADDING)
        last = tf.repeat(ends // hop_length, n_chunks)

        def first_weight(magnitude):
            return tf.concat([magnitude[:, :1] / b, magnitude[:, 1:]], axis=1)

        def last_weight_of(n_frames):
            frame = tf.range(n_frames)[None]
            weight = tf.where(frame == last[:, None], tf.cast(1.0 / b, tf.float32), 0.0)
            return tf.where(frame < last[:, None], 1.0, weight)

        gated = gate(tf.pad(pieces, [[0, 0], [half, half]]), first_weight, last_weight_of, 0.0)
        chunks = gated[:, half + PADDING : half + PADDING + CHUNK_SIZE]
        return tf.reshape(chunks, [tf.shape(waveform)[0], n_chunks * CHUNK_SIZE])[:, :n_samples]

    return clear_padding(tf.cond(n_samples > CHUNK_SIZE, long, short), lengths)


def _width(smooth, step, name):
    """Bins or frames over which the mask is smoothed to each side."""
    width = int(smooth / step)
    if width < 1:
        raise ValueError(f"`{name}` must be at least {step:g}. Received: {name}={smooth}")
    return width


def _weights(n_grad):
    """The triangle noisereduce smooths with, summing to 1. → [2 · n_grad + 1]"""
    rise = np.linspace(0, 1, n_grad + 1, endpoint=False)
    triangle = np.concatenate([rise, np.linspace(1, 0, n_grad + 2)])[1:-1]
    return (triangle / triangle.sum()).astype(np.float32)


def _triangle(values, axis, n_grad, block):
    """Smooth ``values`` [pieces, frames, bins] along ``axis`` with :func:`_weights`, zeros beyond the ends.

    ``block`` results at a time are made of the ``block + 2 · n_grad`` values around them.
    """
    n = tf.shape(values)[axis]
    n_blocks = -(-n // block)
    paddings = [[0, 0]] * 3
    paddings[axis] = [n_grad, n_blocks * block - n + n_grad]
    around = tf.signal.frame(tf.pad(values, paddings), block + 2 * n_grad, block, axis=axis)
    distance = np.abs(np.arange(-n_grad, block + n_grad)[:, None] - np.arange(block))
    matrix = np.pad(_weights(n_grad)[n_grad:], (0, block + n_grad))[distance]  # [block + 2 · n_grad, block]
    if axis == 2:
        smooth = tf.matmul(tf.reshape(around, [-1, block + 2 * n_grad]), matrix)  # [pieces · frames · blocks, block]
        return tf.reshape(smooth, [tf.shape(values)[0], tf.shape(values)[1], n_blocks * block])[..., :n]
    smooth = tf.matmul(np.ascontiguousarray(matrix.T), around)  # [pieces, blocks, block, bins]
    return tf.reshape(smooth, [tf.shape(values)[0], n_blocks * block, tf.shape(values)[2]])[:, :n]


def _smoothed_in_time(values, b, last_weight_of):
    """y[t] = b · x[t] + (1 - b) · y[t - 1] forwards over the frames, its results weighted, the same backwards.

    ``last_weight_of``: number of frames → weights [pieces, frames]. → as ``values``, [pieces, frames, bins]
    """
    n_pieces, n_frames, n_bins = tf.unstack(tf.shape(values))
    n_blocks = -(-n_frames // BLOCK_FRAMES)
    n_padded = n_blocks * BLOCK_FRAMES
    a = 1.0 - b
    age = np.arange(BLOCK_FRAMES)[:, None] - np.arange(BLOCK_FRAMES)
    inside = np.where(age >= 0, b * a ** np.maximum(age, 0), 0.0).astype(np.float32)
    fade = (a ** np.arange(1, BLOCK_FRAMES + 1)).astype(np.float32)[:, None]  # of what comes into a block
    # What comes into block i is what the blocks before it end with, faded over the blocks between.
    between = tf.cast(tf.range(n_blocks)[:, None] - 1 - tf.range(n_blocks), tf.float32)
    carried = tf.where(between >= 0, tf.exp(tf.maximum(between, 0.0) * (BLOCK_FRAMES * np.log1p(-b))), 0.0)

    blocks = tf.reshape(
        tf.pad(values, [[0, 0], [0, n_padded - n_frames], [0, 0]]), [n_pieces, n_blocks, BLOCK_FRAMES, n_bins]
    )
    forwards = tf.matmul(inside, blocks)
    forwards += fade * tf.matmul(carried, forwards[:, :, -1])[:, :, None]
    forwards *= tf.reshape(last_weight_of(n_padded), [n_pieces, n_blocks, BLOCK_FRAMES, 1])
    backwards = tf.matmul(np.ascontiguousarray(inside.T), forwards)
    backwards += fade[::-1] * tf.matmul(carried, backwards[:, :, 0], transpose_a=True)[:, :, None]
    return tf.reshape(backwards, [n_pieces, n_padded, n_bins])[:, :n_frames]
